# SPDX-License-Identifier: Apache-2.0
"""Instructions as text."""

from __future__ import annotations

from dpu_spec.instruction import ENGINE_SLOTS, Engine, Instruction

#: Fields that are not printed as such: the opcode is the name, masks are printed as engines.
OMITTED = ("opcode", "check", "wait", "signal")


def engine_names(mask: int) -> str:
    """Return the engines of a token mask."""
    names = {int(engine): engine.name.lower() for engine in Engine}
    return "+".join(names.get(i, str(i)) for i in range(ENGINE_SLOTS) if mask >> i & 1)


def text(instruction: Instruction) -> str:
    """Return an instruction with all its fields on one line."""
    words = [instruction.format.name]
    if instruction.wait:
        words.append(f"wait={engine_names(instruction.wait)}")
    if instruction.signal:
        words.append(f"signal={engine_names(instruction.signal)}")
    words += [f"{k}={v}" for k, v in instruction.values.items() if k not in OMITTED]
    return " ".join(words)
