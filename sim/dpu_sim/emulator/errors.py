# SPDX-License-Identifier: Apache-2.0
"""What the emulator raises: each error names the instruction that caused it."""

from __future__ import annotations

from dpu_spec.instruction import Engine, Instruction


class EmulatorError(Exception):
    """A program cannot be executed, or breaks a rule of the instruction set."""


class InstructionFault(EmulatorError):
    """One instruction is at fault: engine, index in its stream, text, and what is wrong."""

    def __init__(self, engine: Engine, index: int, instruction: Instruction, what: str) -> None:
        super().__init__(f"{engine.name} instruction {index}: {what}\n  {instruction!r}")
        self.engine = engine
        self.index = index
        self.instruction = instruction


class FieldError(InstructionFault):
    """Fields of an instruction break a rule of its format."""


class RangeError(InstructionFault):
    """An instruction accesses words or bytes that don't exist."""


class UnwrittenError(InstructionFault):
    """An instruction reads what nobody has written."""


class RaceError(InstructionFault):
    """Two agents access the same word, one of them writes, and no token orders them."""

    def __init__(
        self,
        engine: Engine,
        index: int,
        instruction: Instruction,
        what: str,
        other: tuple[Engine, int, Instruction],
    ) -> None:
        super().__init__(engine, index, instruction, f"{what}\n  {other[2]!r}")
        self.other_engine, self.other_index, self.other_instruction = other


class DeadlockError(EmulatorError):
    """Instructions are left and none can start."""


class CollectError(EmulatorError):
    """The words that a stream wrote are not those that its instructions describe."""
