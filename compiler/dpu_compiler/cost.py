# SPDX-License-Identifier: Apache-2.0
"""The cycle model: how long each instruction takes, and a whole program by its tokens.

An instruction *occupies* its engine for some cycles and is *done* some latency later; the engine
takes the next one as soon as it is no longer occupied. ``docs/decisions/0001-dataflow.md`` tells
where the formulas come from and how far they are from the RTL.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.program import Program

#: Cycles from a read burst's request to its first beat (the benchmark's memory).
READ_LATENCY = 40
#: Cycles from the start bit to the first instruction in an engine's queue.
START_LATENCY = READ_LATENCY + 20

_BUBBLES = 1


@dataclasses.dataclass(frozen=True)
class Cost:
    """Cycles that an instruction occupies its engine, and from there until it is done."""

    occupied: int
    latency: int


def _conv(i: Instruction, c: Configuration) -> Cost:
    pixels = max(i.rows * i.columns, c.lanes + 1)
    if i.format.name == "CONV_PATCH":
        passes = 1
        pixels = max(i.rows * i.columns * -(-i.step // c.lanes), pixels)
    else:
        passes = i.blocks * i.kernel_h * i.kernel_w
    return Cost(passes * (pixels + _BUBBLES), c.lanes + c.columns + 12)


def _drain(i: Instruction, c: Configuration) -> Cost:
    word = c.lanes // c.conv_requantizers
    return Cost(max(i.blocks * i.rows * i.columns * word, 9 * i.blocks), 16)


def _depthwise(i: Instruction, c: Configuration) -> Cost:
    if i.dilation_x > 1 or i.stride_x >= 3:
        row = 3 * i.columns
    else:
        row = (i.columns - 1) * i.stride_x + 3
    word = c.lanes // c.depthwise_requantizers if i.last else 1
    return Cost(i.blocks * max(i.rows * max(row, i.columns * word) + 2, 18), 24)


def _vector(i: Instruction, c: Configuration) -> Cost:
    taps = i.kernel_h * i.kernel_w
    return Cost(i.blocks * i.rows * i.columns * taps * c.lanes // c.vector_lanes + 2, 24)


def _transfer(i: Instruction, c: Configuration) -> Cost:
    beats = i.rows * -(-i.row_bytes // c.axi_bytes)
    if i.dram_column_stride:
        beats = i.rows * i.columns * -(-i.depth // c.axi_bytes)
    words = i.rows * i.columns * -(-i.depth // c.lanes)
    latency = READ_LATENCY + 8 if i.engine is Engine.LOAD else 16
    return Cost(max(beats, words) + 1, latency)


_COSTS = {
    Engine.LOAD: _transfer,
    Engine.CONV: _conv,
    Engine.DRAIN: _drain,
    Engine.DEPTHWISE: _depthwise,
    Engine.VECTOR: _vector,
    Engine.STORE: _transfer,
}


def cost(instruction: Instruction, configuration: Configuration) -> Cost:
    """Return what an instruction costs when nothing is in its way."""
    return _COSTS[instruction.engine](instruction, configuration)


@dataclasses.dataclass(frozen=True)
class Timing:
    """When an instruction starts and when it is done, in cycles after the start bit."""

    start: int
    end: int


def simulate(
    streams: Mapping[Engine, Sequence[Instruction]], configuration: Configuration
) -> dict[Engine, list[Timing]]:
    """Run streams through the model; engines wait for tokens as the dispatcher does."""
    timings: dict[Engine, list[Timing]] = {engine: [] for engine in Engine}
    free = dict.fromkeys(Engine, START_LATENCY)
    #: Times of tokens that were given and not taken, by (signaller, waiter).
    given: dict[tuple[Engine, Engine], list[int]] = {}
    taken: dict[tuple[Engine, Engine], int] = {}
    progress = True
    while progress:
        progress = False
        for engine in Engine:
            stream = streams.get(engine, ())
            while len(timings[engine]) < len(stream):
                instruction = stream[len(timings[engine])]
                pairs = [(other, engine) for other in Engine if instruction.wait >> other & 1]
                if any(len(given.get(p, ())) <= taken.get(p, 0) for p in pairs):
                    break
                start = free[engine]
                for pair in pairs:
                    start = max(start, given[pair][taken.get(pair, 0)] + 2)
                    taken[pair] = taken.get(pair, 0) + 1
                price = cost(instruction, configuration)
                free[engine] = start + price.occupied
                end = free[engine] + price.latency
                if timings[engine]:
                    end = max(end, timings[engine][-1].end + 1)
                timings[engine].append(Timing(start, end))
                for other in Engine:
                    if instruction.signal >> other & 1:
                        given.setdefault((engine, other), []).append(end)
                progress = True
    return timings


def fetch_beats(program: Program) -> int:
    """Return the data beats of instruction fetch, which share the read port with loads."""
    return sum(
        stream.count * INSTRUCTION_BYTES[engine] // program.configuration.axi_bytes
        for step in program.steps
        for engine, stream in (step.streams or {}).items()
    )


def estimate(program: Program) -> int:
    """Estimate the cycles of an inference."""
    total = 0
    for step in program.steps:
        if step.streams is None:
            continue
        streams = {engine: program.instructions(step, engine) for engine in step.streams}
        timings = simulate(streams, program.configuration)
        total += max(t[-1].end for t in timings.values() if t)
    return total
