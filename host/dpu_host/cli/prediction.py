# SPDX-License-Identifier: Apache-2.0
"""What the cycle model expects of an inference: cycles of each layer, bytes over the DRAM bus."""

from __future__ import annotations

from collections.abc import Sequence

from dpu_compiler.cost import Timing, cycles, fetch_beats, simulate_step, transfer_beats
from dpu_compiler.cycles import BENCHMARK, Memory
from dpu_host.cli.machines import Measurement
from dpu_sim.rtl.layers import Run, layer_timings
from dpu_sim.rtl.results import TraceEvent
from dpu_spec.instruction import Engine
from dpu_spec.program import Program, ProgramError, Step


def predict(program: Program, memory: Memory = BENCHMARK) -> Measurement:
    """Return what an inference takes, in the terms in which the RTL is measured."""
    runs = [_run(program, step, memory) for step in program.steps if step.streams is not None]
    read, written = predicted_bytes(program)
    return Measurement(
        cycles=sum(run.cycles for run in runs),
        read_bytes=read,
        write_bytes=written,
        layers=layer_timings(program, runs),
        runs=runs,
    )


def _run(program: Program, step: Step, memory: Memory) -> Run:
    """Run a step through the model, as if it were traced."""
    timings = simulate_step(program, step, memory)
    for engine, stream in (step.streams or {}).items():
        if len(timings[engine]) < stream.count:
            raise ProgramError(
                f"{program.model}: {engine.name} waits at its instruction {len(timings[engine])} "
                "for a token that nobody gives; compile the model again."
            )
    return Run(step, _trace(timings), 0, cycles(timings))


def _trace(timings: dict[Engine, list[Timing]]) -> Sequence[TraceEvent]:
    events = []
    for engine, stream in timings.items():
        for timing in stream:
            events.append(TraceEvent(timing.start, 1 << engine, 0))
            events.append(TraceEvent(timing.end, 0, 1 << engine))
    return events


def predicted_bytes(program: Program) -> tuple[int, int]:
    """Return the bytes that an inference reads and writes, as the bus counts them.

    A read moves whole beats, instructions and parameters included; of a write only the bytes that
    are meant count.
    """
    size = program.configuration.axi_bytes
    beats, written = fetch_beats(program), 0
    for step in program.steps:
        for instruction in program.instructions(step, Engine.LOAD):
            beats += transfer_beats(instruction, program.configuration)
        for instruction in program.instructions(step, Engine.STORE):
            written += instruction.rows * instruction.row_bytes
    return beats * size, written
