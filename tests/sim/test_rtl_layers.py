# SPDX-License-Identifier: Apache-2.0
"""Layers' times from traces, and their bytes from programs."""

import dataclasses
import random
from pathlib import Path

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_sim.rtl import TraceEvent
from dpu_sim.rtl.layers import Run, Timing, covered, layer_timings, spans
from dpu_sim.traffic import layer_traffic
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.presets import preset
from dpu_spec.program import Layer, Mark, Program, Step, Stream

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"


def layer(index: int, engine: str) -> Layer:
    return Layer(index, f"layer{index}", "CONV_2D", engine, 0, (), ())


def stream(*layers: int) -> Stream:
    return Stream(0, len(layers), tuple(Mark(index) for index in layers))


def program(layers: list[Layer], *steps: Step) -> Program:
    whole = compile_graph(read_model(MODEL), preset("tiny"))
    return dataclasses.replace(whole, layers=tuple(layers), steps=steps)


def trace(times: dict[Engine, list[tuple[int, int]]], offset: int) -> list[TraceEvent]:
    events: dict[int, list[int]] = {}
    for engine, instructions in times.items():
        for first, last in instructions:
            events.setdefault(first + offset, [0, 0])[0] |= 1 << engine
            events.setdefault(last + offset, [0, 0])[1] |= 1 << engine
    return [TraceEvent(cycle, *events[cycle]) for cycle in sorted(events)]


def test_covered() -> None:
    assert covered([]) == 0
    assert covered([(5, 5)]) == 1
    assert covered([(10, 19), (0, 4), (15, 24), (12, 13)]) == 20
    seed = random.randrange(1 << 30)
    print("seed", seed)
    generator = random.Random(seed)
    for _ in range(50):
        intervals = [(a, a + generator.randrange(9)) for a in generator.choices(range(60), k=7)]
        naive = {x for first, last in intervals for x in range(first, last + 1)}
        assert covered(intervals) == len(naive)


def test_spans_pair_starts_and_finishes_in_order() -> None:
    times = {Engine.CONV: [(3, 9), (4, 12)], Engine.STORE: [(9, 20)]}
    found = spans(trace(times, 100), 100)
    assert found[Engine.CONV] == [(3, 9), (4, 12)]
    assert found[Engine.STORE] == [(9, 20)]
    assert found[Engine.LOAD] == []


def test_layers_add_up_to_the_total() -> None:
    layers = [layer(0, "conv"), layer(1, "depthwise"), layer(2, "conv"), layer(3, "host")]
    step = Step(
        streams={
            Engine.LOAD: stream(0, 2),
            Engine.CONV: stream(0, 0, 2),
            Engine.DRAIN: stream(0, 2),
            Engine.DEPTHWISE: stream(1),
            Engine.STORE: stream(2),
        }
    )
    times = {
        Engine.LOAD: [(1, 10), (11, 20)],
        Engine.CONV: [(12, 30), (31, 50), (52, 80)],
        Engine.DRAIN: [(40, 60), (70, 90)],
        Engine.DEPTHWISE: [(45, 58)],
        Engine.STORE: [(91, 99)],
    }
    found = layer_timings(program(layers, step), [Run(step, trace(times, 7), 7, 104)])
    assert found == {
        0: Timing(60, 12, 60, 39),
        1: Timing(0, 45, 58, 14),
        2: Timing(44, 52, 104, 29),
    }
    assert sum(timing.cycles for timing in found.values()) == 104


def test_two_runs_follow_each_other() -> None:
    layers = [layer(0, "conv"), layer(1, "vector")]
    one, two = Step(streams={Engine.CONV: stream(0)}), Step(streams={Engine.VECTOR: stream(1)})
    runs = [
        Run(one, trace({Engine.CONV: [(5, 20)]}, 1000), 1000, 25),
        Run(two, trace({Engine.VECTOR: [(4, 30)]}, 9000), 9000, 33),
    ]
    found = layer_timings(program(layers, one, two), runs)
    assert found == {0: Timing(20, 5, 20, 16), 1: Timing(38, 29, 58, 27)}


@pytest.mark.parametrize("name", ["tiny", "b128"])
def test_traffic_counts_every_instruction(name: str) -> None:
    graph = read_model(MODEL)
    compiled = compile_graph(graph, preset(name))
    found = layer_traffic(compiled)
    loaded = stored = fetched = 0
    for step in compiled.steps:
        for engine, part in (step.streams or {}).items():
            fetched += part.count * INSTRUCTION_BYTES[engine]
            for instruction in compiled.instructions(step, engine):
                size = instruction.values.get("rows", 0) * instruction.values.get("row_bytes", 0)
                loaded += size if engine is Engine.LOAD else 0
                stored += size if engine is Engine.STORE else 0
    assert sum(traffic.read for traffic in found.values()) == loaded
    assert sum(traffic.written for traffic in found.values()) == stored
    assert sum(traffic.fetched for traffic in found.values()) == fetched
    assert sum(traffic.total for traffic in found.values()) == loaded + stored + fetched
