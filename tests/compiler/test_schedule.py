# SPDX-License-Identifier: Apache-2.0
"""The order of tasks and the places of maps: nothing is overwritten that is still needed."""

import contextlib
import dataclasses

import pytest

import dpu_compiler.placement as placement_module
import dpu_compiler.search as search_module
from dpu_compiler.compile import compile_graph
from dpu_compiler.errors import CapacityError
from dpu_compiler.frontend.tflite import read_bytes
from dpu_compiler.layer import Tiling
from dpu_compiler.layers.transfer import LoadLayer, StoreLayer
from dpu_compiler.placement import place_tasks
from dpu_compiler.spill import divide
from dpu_spec.presets import preset
from tests.compiler.nets import Net, build_step
from tests.support.configurations import configurations, presets_or_configurations
from tests.support.hypothesis_runs import run_seeded
from tests.support.random_network import networks

#: Everything in rings, tiles of a row or little more.
SMALL = Tiling(1, 1, whole=0.0)


def check_rows(tasks):
    """Simulate what lies in each map: every row that a task reads must be there, and whole."""
    writers = {}
    for task in tasks:
        if task.layer.output is not None:
            writers.setdefault(task.layer.output, set()).add(task.layer)
    done = {}
    held = {}
    for task in tasks:
        layer = task.layer
        assert task.first == done.get(layer, 0)
        assert task.first < task.last <= layer.rows
        for index, source in enumerate(layer.inputs):
            low, high = layer.input_rows(index, task.first, task.last)
            for row in range(low, high):
                for writer in writers[source]:
                    there = held.get((source, writer, row % source.ring_rows))
                    assert there == row, f"{layer} reads row {row}, {there} is there"
                    assert row < done[writer]
        if layer.output is not None:
            for row in range(task.first, task.last):
                held[layer.output, layer, row % layer.output.ring_rows] = row
        done[layer] = task.last
    for layer, rows in done.items():
        assert rows == layer.rows
    return done


def check_places(tasks, words):
    """Maps that live at the same time lie beside each other."""
    lives = {}
    for time, task in enumerate(tasks):
        for touched in (*task.layer.inputs, task.layer.output):
            if touched is not None:
                first, _ = lives.get(touched, (time, time))
                lives[touched] = (first, time)
    maps = list(lives)
    for number, a in enumerate(maps):
        assert 0 <= a.base <= words - a.words
        for b in maps[:number]:
            together = lives[a][0] <= lives[b][1] and lives[b][0] <= lives[a][1]
            apart = a.base + a.words <= b.base or b.base + b.words <= a.base
            assert apart or not together, (a, b)


def check_loads(tasks):
    """What a load reads from DRAM, stores have written before, byte for byte."""
    stored = {}
    written = {}
    for task in tasks:
        layer = task.layer
        if isinstance(layer, StoreLayer):
            stored.setdefault(layer.dram.window, set()).update(dram_bytes(layer, 0, layer.rows))
    for task in tasks:
        layer = task.layer
        if isinstance(layer, StoreLayer):
            bytes_now = dram_bytes(layer, task.first, task.last)
            written.setdefault(layer.dram.window, set()).update(bytes_now)
        if isinstance(layer, LoadLayer):
            window = layer.dram.window
            wanted = dram_bytes(layer, task.first, task.last) & stored.get(window, set())
            assert wanted <= written.get(window, set())


def dram_bytes(layer, first, last):
    m, dram = layer.map, layer.dram
    pixels = m.width if m.layout.value == "blocked" else 1
    depth = m.channels if m.layout.value == "blocked" else m.row_bytes
    row_stride = dram.row_stride or pixels * depth
    found = set()
    for plane in range(m.planes):
        for row in range(first, last):
            for column in range(pixels):
                start = dram.offset + (plane * m.height + row) * row_stride
                start += column * (dram.column_stride or depth)
                found.update(range(start, start + depth))
    return found


def checked(tasks, words):
    check_rows(tasks)
    check_places(tasks, words)
    check_loads(tasks)
    return tasks


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(monkeypatch, seed):
    def placed(builder, *arguments, **options):
        tasks = place_tasks(builder, *arguments, **options)
        return checked(tasks, builder.configuration.scratchpad_words)

    monkeypatch.setattr(search_module, "place_tasks", placed)

    def check(network, configuration):
        with contextlib.suppress(CapacityError):
            compile_graph(read_bytes(network.model, source="network"), configuration)

    strategy = configurations(largest_scratchpad=2048) if seed % 2 else presets_or_configurations()
    run_seeded(check, networks(), strategy, seed_number=seed, count=6)


def chain(length, height=24):
    net = Net()
    x = y = net.input((1, height, 4, 4))
    for _ in range(length):
        y = net.conv(y, 4)
    return net, x, y


def ring_rows(tasks, tensor):
    maps = {task.layer.output for task in tasks if task.layer.output is not None}
    return max(m.ring_rows for m in maps if m.tensor == tensor)


def test_rings_hold_a_window_and_a_tile():
    net, x, y = chain(3)
    tasks = checked(place_tasks(build_step(net.graph(y), preset("tiny")), SMALL), 8192)
    assert ring_rows(tasks, x) == 4
    assert ring_rows(tasks, y) <= 3


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_skip_connections_grow_rings(length):
    net, x, y = chain(length)
    net.sum(x, y)
    tasks = checked(place_tasks(build_step(net.graph(), preset("tiny")), SMALL), 8192)
    # Each 3x3 layer in between is a row behind.
    assert length + 1 <= ring_rows(tasks, x) <= length + 6


def test_a_skip_over_a_global_pool_keeps_everything():
    net, _x, y = chain(1)
    pooled = net.pool(y, (24, 4))
    net.add_operator("MUL", [y, pooled], (1, 24, 4, 4))
    tasks = checked(place_tasks(build_step(net.graph(), preset("tiny")), SMALL), 8192)
    assert ring_rows(tasks, y) == 24


def test_layers_run_side_by_side():
    """The last layer begins long before the first ends."""
    net, _, y = chain(3)
    tasks = place_tasks(build_step(net.graph(y), preset("tiny")), SMALL)
    layers = list(dict.fromkeys(task.layer for task in tasks))
    firsts = [next(n for n, t in enumerate(tasks) if t.layer is layer) for layer in layers]
    lasts = [max(n for n, t in enumerate(tasks) if t.layer is layer) for layer in layers]
    assert max(firsts) < min(lasts)


def test_maps_that_do_not_fit_take_the_way_through_dram():
    """A map that is needed whole, beside another that is."""
    net = Net()
    a = net.conv(net.input((1, 12, 12, 16)), 16)
    b = net.conv(a, 16)
    pooled = net.pool(b, (12, 12))
    net.add_operator("MUL", [a, pooled], (1, 12, 12, 16))
    configuration = dataclasses.replace(preset("tiny"), scratchpad_words=1024)
    step = build_step(net.graph(), configuration)
    loads = sum(isinstance(layer, LoadLayer) for layer in step.layers)
    checked(place_tasks(step, Tiling(64, 64)), 1024)
    assert sum(isinstance(layer, LoadLayer) for layer in step.layers) > loads


def test_a_row_that_does_not_fit():
    net = Net()
    net.conv(net.input((1, 3, 2000, 16)), 16)
    with pytest.raises(CapacityError, match=r"^The network does not fit the scratchpad of 8192"):
        compile_graph(net.graph(), preset("tiny"))


def test_a_map_larger_than_the_scratchpad_that_is_needed_whole():
    """A global pool over channels that come half by half from DRAM."""
    net = Net()
    y = net.conv(net.input((1, 6, 6, 8)), 100, (1, 1))
    net.dense(net.pool(y, (6, 6)), 3)
    configuration = dataclasses.replace(preset("tiny"), scratchpad_words=512)
    step = build_step(net.graph(), configuration)
    checked(place_tasks(step, Tiling(64, 64)), 512)


def test_an_input_that_is_read_early_and_late():
    """It is loaded twice instead of being kept."""
    net = Net()
    x = net.input((1, 10, 10, 20))
    y = net.pool(net.conv(x, 20), (10, 10))
    net.add_operator("MUL", [x, y], (1, 10, 10, 20))
    configuration = dataclasses.replace(preset("tiny"), scratchpad_words=512)
    step = build_step(net.graph(), configuration)
    checked(place_tasks(step, Tiling(64, 64)), 512)
    loads = [layer for layer in step.layers if isinstance(layer, LoadLayer)]
    assert sum(layer.map.tensor == x for layer in loads) == 2


def test_a_row_that_is_too_large_is_refused_at_once(monkeypatch):
    """Dividing the maps beside it would go on for minutes."""
    net = Net()
    x = net.input((1, 1568))
    parts = [net.add_operator("HARD_SWISH", [x], (1, 1568)) for _ in range(4)]
    graph = net.graph(net.add_operator("CONCATENATION", parts, (1, 6272), {"axis": 1}))
    divided = []

    def counted(builder, feature_map):
        divided.append(feature_map)
        divide(builder, feature_map)

    monkeypatch.setattr(placement_module, "divide", counted)
    with pytest.raises(CapacityError, match=r"takes 1568 of"):
        compile_graph(graph, dataclasses.replace(preset("tiny"), scratchpad_words=1024))
    assert len(divided) <= len(parts)
