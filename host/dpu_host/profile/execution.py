# SPDX-License-Identifier: Apache-2.0
"""All instructions of an inference with the cycles in which they ran.

Times are cycles after the start bit. The runs of the DPU follow each other as if the host took no
time between them. An engine takes an instruction while earlier ones are still in its pipeline, and
completes them in order. So that each cycle of an engine belongs to one instruction, an instruction
has the engine for itself from its *front*: when it was taken, or the cycle after the one before it
was complete.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from dpu_spec.instruction import Engine, Instruction
from dpu_spec.program import Mark, Program, Step

#: When an instruction was taken, and the last cycle in which it was in its engine.
Span = tuple[int, int]


class ExecutionError(ValueError):
    """The times aren't those of the program's instructions."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the DPU as it was recorded: spans by engine, in the order of the stream.

    ``counters`` are the engines' own, by name, where the machine has any.
    """

    step: Step
    spans: Mapping[Engine, Sequence[Span]]
    cycles: int
    counters: Mapping[Engine, Mapping[str, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Executed:
    """One instruction and when it ran.

    ``position`` counts the engine's instructions in the whole inference, ``index`` in its run.
    ``start`` is when the engine took it, ``end`` the last cycle in which it was in the engine.
    """

    engine: Engine
    position: int
    run: int
    index: int
    instruction: Instruction
    mark: Mark
    start: int
    front: int
    end: int


@dataclasses.dataclass(frozen=True)
class Execution:
    """An inference: each engine's instructions in order, and the runs that they belong to.

    ``beginnings`` are the cycles at which the runs start.
    """

    program: Program
    runs: tuple[Run, ...]
    beginnings: tuple[int, ...]
    cycles: int
    engines: dict[Engine, list[Executed]]

    def by_start(self) -> list[Executed]:
        """Return all instructions in the order in which they were taken."""
        every = [each for engine in self.engines.values() for each in engine]
        return sorted(every, key=lambda each: (each.start, each.engine))

    def counters(self) -> dict[Engine, dict[str, int]]:
        """Return the engines' own counters over all runs; empty where there are none."""
        total: dict[Engine, dict[str, int]] = {}
        for run in self.runs:
            for engine, counts in run.counters.items():
                mine = total.setdefault(engine, {})
                for name, value in counts.items():
                    mine[name] = mine.get(name, 0) + value
        return total


def execute(program: Program, runs: Sequence[Run]) -> Execution:
    """Put the recorded times to the program's instructions.

    Raise :exc:`ExecutionError` where their numbers differ.
    """
    engines: dict[Engine, list[Executed]] = {engine: [] for engine in Engine}
    beginnings = []
    before = 0
    for number, run in enumerate(runs):
        beginnings.append(before)
        for engine, stream in sorted((run.step.streams or {}).items()):
            instructions = program.instructions(run.step, engine)
            spans = run.spans.get(engine, ())
            if len(spans) != len(instructions):
                raise ExecutionError(
                    f"{program.model}: {engine.name} has {len(instructions)} instructions, but the "
                    f"times of {len(spans)}."
                )
            reached = before - 1
            for index, instruction in enumerate(instructions):
                start, end = spans[index][0] + before, spans[index][1] + before
                found = Executed(
                    *(engine, len(engines[engine]), number, index),
                    *(instruction, stream.marks[index]),
                    *(start, max(start, reached + 1), end),
                )
                engines[engine].append(found)
                reached = max(reached, end)
        before += run.cycles
    return Execution(program, tuple(runs), tuple(beginnings), before, engines)
