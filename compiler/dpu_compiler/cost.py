# SPDX-License-Identifier: Apache-2.0
"""What a program costs: cycles by the model of :mod:`dpu_compiler.cycles`, and beats of the bus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dpu_compiler.cycles import BENCHMARK, END, Machine, Memory, Timing
from dpu_compiler.cycles.bursts import beats, runs
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.program import Program, Step

__all__ = [
    "Timing",
    "cycles",
    "estimate",
    "fetch_beats",
    "simulate",
    "simulate_step",
    "transfer_beats",
]


def simulate(
    streams: Mapping[Engine, Sequence[Instruction]],
    configuration: Configuration,
    offsets: Mapping[Engine, int] | None = None,
    memory: Memory = BENCHMARK,
) -> dict[Engine, list[Timing]]:
    """Run streams through the model.

    ``offsets`` are the streams' places in the program window; unknown, they are taken to follow
    each other. An engine that waits for a token that nobody gives has fewer timings than
    instructions.
    """
    if offsets is None:
        offsets, end = {}, 0
        for engine, stream in streams.items():
            offsets[engine] = end
            end += len(stream) * INSTRUCTION_BYTES[engine]
    return Machine(streams, configuration, offsets, memory).run()


def cycles(timings: Mapping[Engine, Sequence[Timing]]) -> int:
    """Return how long a run takes, from the start bit to the interrupt."""
    return max((each[-1].end for each in timings.values() if each), default=0) + END


def simulate_step(
    program: Program, step: Step, memory: Memory = BENCHMARK
) -> dict[Engine, list[Timing]]:
    """Run a step of a program through the model."""
    placed = step.streams or {}
    streams = {engine: program.instructions(step, engine) for engine in placed}
    offsets = {engine: stream.offset for engine, stream in placed.items()}
    return simulate(streams, program.configuration, offsets, memory)


def estimate(program: Program) -> int:
    """Estimate the cycles of an inference."""
    return sum(
        cycles(simulate_step(program, step)) for step in program.steps if step.streams is not None
    )


def fetch_beats(program: Program) -> int:
    """Return the data beats of instruction fetch, which share the read port with loads."""
    return sum(
        stream.count * INSTRUCTION_BYTES[engine] // program.configuration.axi_bytes
        for step in program.steps
        for engine, stream in (step.streams or {}).items()
    )


def transfer_beats(instruction: Instruction, configuration: Configuration) -> int:
    """Return the data beats of a LOAD or STORE; windows begin at whole beats."""
    _, length, starts = runs(instruction.values)
    return sum(beats(start, length, configuration.axi_bytes) for start in starts)
