# SPDX-License-Identifier: Apache-2.0
"""When each layer was computed, from the trace of the engines' starts and finishes.

An engine completes its instructions in the order of its stream, so its k-th start and its k-th
finish are those of its k-th instruction, and the instruction's mark says the layer.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from dpu_spec.instruction import Engine
from dpu_spec.program import Program, Step

from .results import TraceEvent

# The streams that do the work of the layers of each engine.
_STREAMS = {
    "conv": (Engine.CONV, Engine.DRAIN),
    "depthwise": (Engine.DEPTHWISE,),
    "vector": (Engine.VECTOR,),
    "load": (Engine.LOAD,),
}
# The stream whose time counts as busy.
_WORKER = {
    "conv": Engine.CONV,
    "depthwise": Engine.DEPTHWISE,
    "vector": Engine.VECTOR,
    "load": Engine.LOAD,
}


@dataclasses.dataclass(frozen=True)
class Timing:
    """Cycles of a layer, counted from the start bit.

    ``start`` is when its engine took its first instruction (that of a first run, if the host had
    work between), ``end`` when its last instruction, stores included, was complete. ``busy``
    counts the cycles in which its engine had an instruction of it. ``cycles`` is how much later
    it ended than every earlier layer, so that the layers add up to the total.
    """

    cycles: int
    start: int
    end: int
    busy: int


@dataclasses.dataclass(frozen=True)
class Run:
    """One run of the DPU: the step, its trace, the cycle of its start bit, and how many it took.

    ``counters`` are the performance counters of each engine, by name, where there are any.
    """

    step: Step
    trace: Sequence[TraceEvent]
    started: int
    cycles: int
    counters: Mapping[Engine, Mapping[str, int]] = dataclasses.field(default_factory=dict)


Span = tuple[int, int]


def spans(trace: Iterable[TraceEvent], started: int) -> dict[Engine, list[Span]]:
    """Return (start, finish) of each engine's instructions, in cycles from the start bit."""
    starts: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    ends: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    for event in trace:
        for engine in Engine:
            if event.start >> engine & 1:
                starts[engine].append(event.cycle - started)
            if event.finish >> engine & 1:
                ends[engine].append(event.cycle - started)
    return {engine: list(zip(starts[engine], ends[engine], strict=False)) for engine in Engine}


def covered(intervals: Iterable[Span]) -> int:
    """Return the length of the union of intervals, both ends included."""
    total, reached = 0, -1
    for first, last in sorted(intervals):
        first = max(first, reached + 1)
        if last >= first:
            total += last - first + 1
            reached = last
    return total


def layer_timings(program: Program, runs: Iterable[Run]) -> dict[int, Timing]:
    """Return the timing of each layer that has instructions, by its index."""
    own: dict[int, list[Span]] = {}
    working: dict[int, list[Span]] = {}
    ends: dict[int, int] = {}
    before = 0
    for run in runs:
        assert run.step.streams is not None
        found = spans(run.trace, run.started)
        for engine, stream in run.step.streams.items():
            for mark, (first, last) in zip(stream.marks, found[engine], strict=False):
                span = (before + first, before + last)
                layer = program.layers[mark.layer]
                ends[layer.index] = max(ends.get(layer.index, 0), span[1])
                if engine in _STREAMS.get(layer.engine, ()):
                    own.setdefault(layer.index, []).append(span)
                if engine is _WORKER.get(layer.engine):
                    working.setdefault(layer.index, []).append(span)
        before += run.cycles
    # The few cycles from the last instruction to the end of the run belong to the last layer.
    if ends:
        last_layer = max(ends, key=lambda index: (ends[index], index))
        ends[last_layer] = max(ends[last_layer], before)
    timings: dict[int, Timing] = {}
    reached = 0
    for index in sorted(ends):
        start = min((first for first, _ in own.get(index, [])), default=ends[index])
        busy = covered(working.get(index, []))
        timings[index] = Timing(max(0, ends[index] - reached), start, ends[index], busy)
        reached = max(reached, ends[index])
    return timings
