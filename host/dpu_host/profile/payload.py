# SPDX-License-Identifier: Apache-2.0
"""What the page's scripts get: everything as plain lists and dictionaries.

A list that has an entry for each instruction stands in the order of the engine's stream, all runs
one after the other; an instruction is named by its engine's number and its position there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dpu_host.disassembly import OMITTED
from dpu_host.profile.energy import DRAM_32, DRAM_BYTE, MULTIPLICATION, MULTIPLICATION_32, energy
from dpu_host.profile.execution import Executed, Execution
from dpu_host.profile.occupancy import Occupancy, Steps, occupancy
from dpu_host.profile.rate import cycles_at_full_rate
from dpu_host.profile.subject import Subject
from dpu_host.profile.traffic import KINDS, Curve, traffic
from dpu_host.profile.waits import Key, Wait, chain, splits, tokens, waits
from dpu_spec.instruction import Engine, Format, Instruction

Json = dict[str, Any]


def payload(subject: Subject) -> Json:
    """Return everything that the page shows."""
    execution, statistics = subject.execution, subject.statistics
    configuration = execution.program.configuration
    formats = _formats(execution)
    return {
        "model": subject.name,
        "measured": subject.measured,
        "origin": subject.origin,
        "clock": subject.clock,
        "cycles": execution.cycles,
        "resident": execution.program.preload is not None,
        "statistics": {k: v for k, v in statistics.items() if k != "layers"},
        "configuration": {
            **configuration.parameters(),
            "array_multipliers": configuration.array_multipliers,
            "depthwise_multipliers": configuration.depthwise_multipliers,
        },
        "layers": statistics["layers"],
        "tensors": {
            index: {"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype}
            for index, tensor in execution.program.tensors.items()
        },
        "runs": [
            {"start": start, "cycles": run.cycles}
            for start, run in zip(execution.beginnings, execution.runs, strict=True)
        ],
        "formats": {name: _shown(found) for name, found in formats.items()},
        "engines": _engines(execution, list(formats)),
        "chain": [
            [link.first, link.last, *_key(link.owner)] for link in chain(execution) if link.owner
        ],
        "occupancy": _occupancy(occupancy(execution)),
        "traffic": [
            {"kind": kind, "title": KINDS[kind], **_curve(found)}
            for kind, found in traffic(execution).items()
        ],
        "energy": _energy(statistics),
    }


def _formats(execution: Execution) -> dict[str, Format]:
    found: dict[str, Format] = {}
    for every in execution.engines.values():
        for each in every:
            found.setdefault(each.instruction.format.name, each.instruction.format)
    return found


def _shown(format: Format) -> list[str]:
    return [field.name for field in format.fields if field.name not in OMITTED]


def _values(instruction: Instruction) -> list[int | str]:
    # Numbers of a page have 53 bits; a wider one goes as text.
    values = (v for k, v in instruction.values.items() if k not in OMITTED)
    return [v if abs(v) < 1 << 53 else str(v) for v in values]


def _key(each: Executed | None) -> list[int]:
    return [int(each.engine), each.position] if each is not None else []


def _engines(execution: Execution, formats: list[str]) -> list[Json]:
    reasons, givers, counters = waits(execution), tokens(execution), execution.counters()
    configuration = execution.program.configuration
    found = []
    for engine, split in splits(execution).items():
        every = execution.engines[engine]
        found.append(
            {
                "name": engine.name.lower(),
                "split": {
                    "busy": split.busy,
                    "waiting": {other.name.lower(): n for other, n in split.waiting.items()},
                    "fetch": split.fetch,
                    "after": split.after,
                },
                "counters": counters.get(engine),
                "run": [each.run for each in every],
                "index": [each.index for each in every],
                "layer": [each.mark.layer for each in every],
                "start": [each.start for each in every],
                "front": [each.front for each in every],
                "end": [each.end for each in every],
                "rate": [cycles_at_full_rate(each.instruction, configuration) for each in every],
                "format": [formats.index(each.instruction.format.name) for each in every],
                "wait": [each.instruction.wait for each in every],
                "signal": [each.instruction.signal for each in every],
                "values": [_values(each.instruction) for each in every],
                "place": [_place(each) for each in every],
                "tokens": [_tokens(givers, engine, each) for each in every],
                "empty": [_empty(reasons, engine, each) for each in every],
            }
        )
    return found


def _place(each: Executed) -> list[int]:
    """Return the tensor and where in it the first word lies, for one that the model names."""
    mark = each.mark
    return [mark.tensor, mark.row, mark.column, mark.channel] if mark.tensor >= 0 else []


def _tokens(givers: Mapping[Key, list[Executed]], engine: Engine, each: Executed) -> list[int]:
    """Return (engine, position) of each giver, one after the other."""
    return [n for giver in givers.get((engine, each.position), ()) for n in _key(giver)]


def _empty(reasons: Mapping[Key, Wait], engine: Engine, each: Executed) -> list[int]:
    """Return the cycles before it in which the engine was empty, and whose token ended that."""
    wait = reasons.get((engine, each.position))
    return [wait.cycles, *_key(wait.cause)] if wait is not None else []


def _steps(found: Steps) -> Json:
    return {"times": found.times, "words": found.words}


def _curve(found: Curve) -> Json:
    return {"times": found.times, "total": [round(total, 2) for total in found.total]}


def _occupancy(found: Occupancy) -> Json:
    return {
        "peak": found.live.peak,
        "live": _steps(found.live),
        "reserved": _steps(found.reserved),
        "maps": [
            {"tensor": tensor, "layer": layer, **_steps(mine)}
            for (tensor, layer), mine in found.maps.items()
        ],
    }


def _energy(statistics: Mapping[str, Any]) -> Json:
    found = energy(
        statistics["macs"], statistics["dram_read_bytes"] or 0, statistics["dram_write_bytes"] or 0
    )
    return {
        **dataclasses.asdict(found),
        "multiplication": MULTIPLICATION,
        "multiplication_32": MULTIPLICATION_32,
        "dram_byte": DRAM_BYTE,
        "dram_32": DRAM_32,
    }
