# SPDX-License-Identifier: Apache-2.0
"""Which channels are left out, and that the others keep their values, in numpy and compiled."""

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import strategies as st

from dpu_compiler.compile import compile_graph, find_dead_channels
from dpu_compiler.frontend.tflite import read_bytes
from dpu_compiler.passes.fold import fold_constants
from dpu_compiler.passes.pad import fuse_padding
from dpu_compiler.variants import compile_variants
from dpu_spec.presets import preset
from tests.compiler.dead_nets import MIXED, VARIES, ZERO, C, DeadNet, judged, live
from tests.compiler.nets import Q
from tests.support.hypothesis_runs import run_seeded
from tests.support.random_network import networks

SHAPE = (1, 5, 6, 3)


def start(values=MIXED):
    net = DeadNet()
    return net, net.channels(net.input(SHAPE), values)


def test_constants_become_part_of_the_bias():
    net, x = start()
    y = net.spread(x, 4)
    found = judged(net, y)
    assert found.kept == {x: (0, 3, 5)}
    assert found.constants == {x: {1: C, 2: ZERO, 4: C}}
    assert (found.removed, found.channels) == (3, 10)
    reader = found.graph.producer(y)
    assert found.graph.tensors[reader.inputs[1]].shape == (4, 1, 1, 3)


def test_only_zero_points_go_where_there_is_a_border():
    net, x = start()
    found = judged(net, net.spread(x, 4, (3, 3)))
    assert found.kept == {x: (0, 1, 3, 4, 5)}
    assert found.constants == {x: {2: ZERO}}


@pytest.mark.parametrize("options", [{"padding": "VALID"}, {"stride": (2, 3)}])
def test_all_constants_go_where_there_is_no_border(options):
    """The second has SAME padding, which comes to nothing."""
    net = DeadNet()
    x = net.channels(net.input((1, 5, 6, 3) if "padding" in options else (1, 7, 6, 3)), MIXED)
    kernel = (3, 3)
    if "stride" in options:
        kernel = (1, 3)
    found = judged(net, net.spread(x, 4, kernel, **options))
    assert found.kept == {x: (0, 3, 5)}


def test_constants_go_where_the_border_meets_no_weight():
    net, x = start()
    weights = net.rng.integers(1, 128, (4, 3, 3, 6))
    weights[:, :, :, 4] = 0
    weights[:, 1, 1, 4] = 77
    found = judged(net, net.filters(x, weights))
    assert found.kept == {x: (0, 1, 3, 5)} | {x: (0, 1, 3, 5)}
    assert found.constants == {x: {2: ZERO, 4: C}}


def test_border_of_a_fused_pad():
    net, x = start()
    padded = net.pad(x, (1, 0), (0, 2))
    y = net.spread(padded, 4, (2, 2), padding="VALID")
    graph = fuse_padding(fold_constants(net.graph(y)))
    assert [op.name for op in graph.operators] == ["CONV_2D", "CONV_2D"]
    found = live(graph)
    assert found.kept == {x: (0, 1, 3, 4, 5)}


def test_a_layer_without_a_bias_gets_one():
    net, x = start()
    weights = net.rng.integers(1, 128, (4, 1, 1, 6))
    y = net.filters(x, weights)
    found = judged(net, y)
    assert len(found.graph.producer(y).inputs) == 3


@pytest.mark.parametrize("bias", [2**31 - 1, -(2**31)])
def test_bias_wraps_as_the_sum_does(bias):
    """At a scale at which results at both ends of int32 are seen."""
    net, x = start((VARIES, 127, -128, VARIES))
    weights = np.array([[90, 4, 1, 3], [-90, -1, 5, 3]]).reshape(2, 1, 1, 4)
    y = net.filters(x, weights, [bias, bias], scale=2.0**-25)
    found = judged(net, y)
    assert found.kept == {x: (0, 3)}
    reader = found.graph.producer(y)
    new = found.graph.tensors[reader.inputs[2]].data.astype(np.int64)
    exact = bias + np.array([4 * 124 - 131, -124 - 5 * 131])
    assert new.tolist() == ((exact + 2**31) % 2**32 - 2**31).tolist()
    assert new.tolist() != exact.tolist()


def test_what_no_filter_reads():
    net, x = start([VARIES] * 5)
    weights = net.rng.integers(1, 128, (3, 3, 3, 5))
    weights[..., [0, 3]] = 0
    found = judged(net, net.filters(x, weights))
    assert found.kept == {x: (1, 2, 4)}
    assert found.constants == {x: {}}


def test_deadness_goes_backwards():
    """The second layer reads some channels only for filters that are dead themselves."""
    net, x = start([VARIES] * 6)
    weights = net.rng.integers(1, 128, (4, 1, 1, 6))
    weights[:2, ..., 3:] = 0
    y = net.filters(x, weights)
    last = net.rng.integers(1, 128, (2, 1, 1, 4))
    last[..., 2:] = 0
    found = judged(net, net.filters(y, last))
    assert found.kept == {x: (0, 1, 2), y: (0, 1)}


def test_constant_filters_read_nothing():
    """A channel that saturates needs none of those that it is made of, even if it has to exist."""
    net, x = start([VARIES] * 3)
    weights = net.rng.integers(1, 128, (3, 1, 1, 3))
    weights[0, ..., 1:] = 0
    y = net.filters(x, weights, [0, 2**30, -(2**30)])
    found = judged(net, y)
    assert found.kept == {x: (0,)}


def test_outputs_have_all_channels():
    net, x = start()
    y = net.spread(x, 2)
    found = judged(net, x, y)
    assert not found.kept
    assert found.removed == 0


def test_several_readers():
    """One has a border, the other reads what the first doesn't."""
    net, x = start([VARIES, C, C, VARIES, VARIES])
    first = net.rng.integers(1, 128, (2, 3, 3, 5))
    first[..., [2, 3, 4]] = 0
    second = net.rng.integers(1, 128, (2, 1, 1, 5))
    second[..., [0, 4]] = 0
    found = judged(net, net.filters(x, first), net.filters(x, second))
    # The constant 2 is folded by its only reader; 1 has to exist for the first.
    assert found.kept == {x: (0, 1, 3)}


def test_the_host_reads_all_channels():
    net, x = start()
    y = net.add_operator(
        "SOFTMAX",
        [x],
        (1, 5, 6, 6),
        {"beta": 1.0},
        quantization=dataclasses.replace(Q, scale=(1 / 256,), zero_point=(-128,)),
    )
    assert not judged(net, net.spread(x, 2), y).kept


def test_one_channel_is_kept():
    net, x = start([C, ZERO, C])
    y = net.spread(x, 2)
    z = net.spread(net.inputs[0], 2)
    found = judged(net, net.sum(y, z))
    assert found.kept == {x: (0,)}


def test_nothing_to_do():
    net, x = start([VARIES] * 4)
    graph = net.graph(net.spread(x, 3))
    found = live(graph)
    assert found.graph is graph
    assert (found.kept, found.constants, found.removed) == ({}, {}, 0)


def test_the_graph_stays_as_it_was():
    net, x = start()
    graph = net.graph(net.spread(x, 3))
    before = {
        i: (t.shape, None if t.data is None else t.data.copy()) for i, t in graph.tensors.items()
    }
    operators = [dataclasses.replace(op) for op in graph.operators]
    live(graph)
    assert graph.operators == operators
    for i, (shape, data) in before.items():
        assert graph.tensors[i].shape == shape
        assert data is None or (graph.tensors[i].data == data).all()


def test_programs():
    """What a program says of it, with the pass and without."""
    net, x = start()
    graph = net.graph(net.spread(x, 4))
    on = compile_variants(graph, preset("tiny"))
    off = compile_variants(graph, preset("tiny"), dead_channels=False)
    assert on.dead_channels == dataclasses.replace(off.dead_channels, on=True)
    assert not off.dead_channels.on
    assert on.dead_channels.removed == 3
    with_them, without = on.dead_channels.estimated_cycles
    assert without <= with_them
    assert on.tensors[x].channels == (0, 3, 5)
    assert dict(on.tensors[x].constants) == {1: C, 2: ZERO, 4: C}
    assert on.tensors[x].shape == off.tensors[x].shape == (1, 5, 6, 6)
    assert off.tensors[x].channels is None
    assert set(on.tensors) == set(off.tensors) == set(graph.tensors)
    # Work is that of the model.
    assert [layer.macs for layer in on.layers] == [layer.macs for layer in off.layers]
    assert off == dataclasses.replace(
        compile_graph(graph, preset("tiny"), dead_channels=False), dead_channels=off.dead_channels
    )


@pytest.mark.parametrize("number", range(20))
def test_random_networks(number):
    """In the golden model, which is quick; the emulator has its own."""
    seed = random.randrange(1 << 32)
    print(f"number {number}, seed {seed}")
    removed = 0

    def check(network, name):
        nonlocal removed
        graph = fuse_padding(fold_constants(read_bytes(network.model, source="network")))
        found = find_dead_channels(graph, preset(name))
        removed += found.removed
        expected, results = graph.run(network.feeds), found.graph.run(network.feeds)
        for index, kept in found.kept.items():
            if index not in expected:
                continue
            for channel, value in found.constants[index].items():
                assert (expected[index][..., channel] == value).all()
            np.testing.assert_array_equal(results[index], expected[index][..., list(kept)])
        for index in graph.outputs:
            if index in expected:
                np.testing.assert_array_equal(results[index], expected[index])

    strategy = st.sampled_from(["tiny", "b128"])
    run_seeded(check, networks(planted=True), strategy, seed_number=seed, count=11)
    print(f"{removed} channels removed")
