# SPDX-License-Identifier: Apache-2.0
"""The search for tiles and rings, and what lets engines run ahead of each other."""

import dataclasses

import pytest

from dpu_compiler import search
from dpu_compiler.compile import compile_graph
from dpu_compiler.emit import AccumulatorRing
from dpu_compiler.layer import Tiling
from dpu_compiler.search import TILINGS, best_schedule, schedule
from dpu_spec.instruction import Engine
from dpu_spec.presets import preset
from tests.compiler.nets import Net, build_step


def drain_bound(height=40):
    """Three sums an output, then one: only side by side are array and drain both busy."""
    net = Net()
    x = net.input((1, height, 40, 24))
    y = net.conv(x, 8, (1, 1))
    return net.graph(net.conv(y, 48, (1, 1)))


@pytest.mark.parametrize("depth", [64, 100])
@pytest.mark.parametrize("pixels", [1, 7, 32, 50, 64])
def test_accumulators_go_round(depth, pixels):
    ring = AccumulatorRing(depth)
    fit = depth // pixels
    starts = [ring.take(pixels) for _ in range(3 * fit)]
    assert starts == [k * pixels for k in range(fit)] * 3


def test_accumulators_of_different_sizes_never_exceed_the_depth():
    ring = AccumulatorRing(64)
    for pixels in (60, 3, 1, 64, 5, 60, 30, 30, 30):
        start = ring.take(pixels)
        assert 0 <= start <= 64 - pixels


def test_best_is_no_worse_than_any_tiling():
    graph = drain_bound()
    best = best_schedule(build_step(graph, preset("b128")))
    for tiling in TILINGS:
        assert best.cycles <= schedule(build_step(graph, preset("b128")), tiling, {}).cycles


def test_reader_follows_where_the_drain_is_slow():
    builder = build_step(drain_bound(), preset("b128"))
    without = min(schedule(builder, tiling, {}).cycles for tiling in TILINGS)
    builder = build_step(drain_bound(), preset("b128"))
    best = best_schedule(builder)
    between = builder.layers[1].output
    assert between.follow
    assert between.is_ring
    assert best.cycles < 0.9 * without


def test_budget_ends_the_search(monkeypatch):
    tried = []

    def counted(builder, tiling, resident):
        tried.append(tiling)
        return schedule(builder, tiling, resident)

    monkeypatch.setattr(search, "schedule", counted)
    monkeypatch.setattr(search, "LIMIT", 1)
    best_schedule(build_step(drain_bound(), preset("b128")))
    assert tried == [TILINGS[0]]


def test_frames_begin_with_what_is_best_for_one(monkeypatch):
    """So that they don't suffer where not all tilings can be tried of them together."""
    favourite = TILINGS[4]
    tried = []

    def biased(builder, tiling, resident):
        found = schedule(builder, tiling, resident)
        maps = {id(m): m.follow for layer in builder.layers for m in layer.inputs}
        tried.append((len(builder.layers), tiling, sum(maps.values())))
        cycles = found.cycles if tiling == favourite else found.cycles + 10**9
        return dataclasses.replace(found, cycles=cycles)

    monkeypatch.setattr(search, "schedule", biased)
    compile_graph(drain_bound(), preset("b128"), frames=3, dead_channels=False)
    layers = tried[0][0]
    of_all = [attempt for attempt in tried if attempt[0] == 3 * layers]
    assert of_all[0] == (3 * layers, favourite, 3)


@pytest.mark.parametrize(
    ("channels", "blocks"), [(24, [(3, 1)]), (32, [(3, 1), (1, 0)]), (128, [(12, 1), (4, 0)])]
)
def test_layer_begins_before_its_last_channels_are_there(channels, blocks):
    net = Net()
    y = net.depthwise(net.input((1, 6, 6, channels)))
    builder = build_step(net.graph(net.conv(y, 16, (1, 1))), preset("b128"))
    found = schedule(builder, Tiling(64, 64), {})
    convs = [issue.instruction for issue in found.streams[Engine.CONV]]
    assert [(conv.blocks, conv.clear) for conv in convs] == blocks
    assert len({conv.accumulator for conv in convs}) == 1
    rows = [conv.weights for conv in convs]
    assert all(b - a == 8 * count for a, b, (count, _) in zip(rows, rows[1:], blocks, strict=False))
