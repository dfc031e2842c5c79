# SPDX-License-Identifier: Apache-2.0
"""Which channels are left out around operators that don't mix them, or only name them anew."""

import numpy as np
import pytest

from tests.compiler.dead_nets import MIXED, Q1, VARIES, ZERO, C, DeadNet, judged
from tests.compiler.nets import Q

SHAPE = (1, 5, 6, 3)


def start(values=MIXED):
    net = DeadNet()
    return net, net.channels(net.input(SHAPE), values)


def test_sums_keep_both_sides_alike():
    net = DeadNet()
    source = net.input(SHAPE)
    a = net.channels(source, [VARIES, C, VARIES, VARIES, C])
    b = net.channels(source, [VARIES, C, C, VARIES, VARIES])
    y = net.sum(a, b)
    weights = net.rng.integers(1, 128, (2, 1, 1, 5))
    weights[..., 0] = 0
    z = net.filters(y, weights)
    # Another reader of one side, of a channel that the sum's don't need.
    only = np.zeros((1, 1, 1, 5), int)
    only[..., 0] = 3
    assert judged(net, z).kept == dict.fromkeys((a, b, y), (2, 3, 4))
    w = net.filters(b, only)
    assert judged(net, z, w).kept == dict.fromkeys((a, b, y), (0, 2, 3, 4))


@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
def test_constant_operands(name):
    net, x = start()
    per_channel = net.constant(net.rng.integers(-9, 9, 6).astype(np.int8), Q)
    whole = net.constant(net.rng.integers(-9, 9, (1, 5, 6, 6)).astype(np.int8), Q)
    number = net.constant(np.array([5], np.int8), Q)
    y = net.add_operator(name, [x, per_channel], (1, 5, 6, 6))
    z = net.add_operator("ADD", [number, y], (1, 5, 6, 6))
    first = net.spread(z, 2)
    found = judged(net, first)
    assert {found.kept[t] for t in (x, per_channel, y, z)} == {(0, 3, 5)}
    assert number not in found.kept
    # Another sum with the same constant ties its channels to those of that sum.
    other = net.add_operator(
        "ADD", [net.channels(net.inputs[0], [VARIES] * 6), per_channel], (1, 5, 6, 6)
    )
    wide = net.add_operator("ADD", [other, whole], (1, 5, 6, 6))
    assert not judged(net, first, wide).kept


def test_products_by_channel_of_a_map():
    """Squeeze and excite: [1, 1, 1, c] with [1, h, w, c]."""
    net, x = start()
    mean = net.add_operator("MEAN", [x, net.numbers(1, 2)], (1, 1, 1, 6), {"keep_dims": True})
    y = net.add_operator("MUL", [x, mean], (1, 5, 6, 6))
    found = judged(net, net.spread(y, 2))
    assert {found.kept[t] for t in (x, mean, y)} == {(0, 3, 5)}


def test_pools_functions_and_sizes_go_with_their_inputs():
    net, x = start()
    y = net.add_operator("RELU", [x], (1, 5, 6, 6))
    y2 = net.pool(y, (2, 2))
    y3 = net.pool(y2, (2, 2), "MAX_POOL_2D")
    y4 = net.add_operator(
        "RESIZE_NEAREST_NEIGHBOR",
        [y3, net.numbers(6, 8)],
        (1, 6, 8, 6),
        {"align_corners": False, "half_pixel_centers": False},
    )
    y5 = net.pad(y4, (1, 1), (0, 0))
    bounds = [net.numbers(0, 1, 0, 0), net.numbers(1, 7, 8, 6), net.numbers(1, 2, 1, 1)]
    y6 = net.add_operator("STRIDED_SLICE", [y5, *bounds], (1, 3, 8, 6))
    found = judged(net, net.spread(y6, 2))
    assert set(found.kept) == {x, y, y2, y3, y4, y5, y6}
    # PAD at the top and the bottom writes zero points, after which C varies.
    assert set(found.kept.values()) == {(0, 1, 3, 4, 5)}


def test_slices_of_channels_keep_all():
    net, x = start()
    bounds = [net.numbers(0, 0, 0, 1), net.numbers(1, 5, 6, 6), net.numbers(1, 1, 1, 1)]
    y = net.add_operator("STRIDED_SLICE", [x, *bounds], (1, 5, 6, 5))
    assert not judged(net, net.spread(y, 2)).kept


def test_depthwise():
    """A constant that meets the border is none afterwards, so it stays in both maps."""
    net, x = start()
    y = net.depthwise(x, (3, 3))
    found = judged(net, net.spread(y, 2))
    assert found.kept == dict.fromkeys((x, y), (0, 1, 3, 4, 5))


def test_depthwise_with_a_multiplier():
    net, x = start()
    y = net.depthwise(x, (3, 3), multiplier=2, padding="VALID")
    weights = net.rng.integers(1, 128, (2, 1, 1, 12))
    weights[..., 0] = 0
    found = judged(net, net.filters(y, weights))
    # Channels of one input stay together.
    assert found.kept == {x: (0, 3, 5), y: (0, 1, 6, 7, 10, 11)}


def test_depthwise_of_the_only_channel():
    """It is a convolution with one input, so its outputs are free."""
    net = DeadNet()
    x = net.input((1, 6, 6, 1))
    y = net.depthwise(x, (3, 3), multiplier=8)
    weights = net.rng.integers(1, 128, (2, 1, 1, 8))
    weights[..., [1, 2, 3, 6, 7]] = 0
    found = judged(net, net.filters(y, weights))
    assert found.kept == {y: (0, 4, 5)}
    assert found.graph.producer(y).attributes["depth_multiplier"] == 3


def test_flattened_maps():
    net, x = start()
    flat = net.reshape(x, (1, 180))
    found = judged(net, net.dense(flat, 4))
    assert found.kept[x] == (0, 3, 5)
    assert found.kept[flat] == tuple(k for k in range(180) if k % 6 in (0, 3, 5))
    # Names for the same elements don't count: 6 channels, and 4 results.
    assert (found.removed, found.channels) == (3, 10)


def test_an_element_that_is_read_keeps_its_channel():
    net, x = start([VARIES] * 4)
    flat = net.reshape(x, (1, 120))
    weights = np.zeros((2, 120), np.int8)
    weights[1, 4 * 17 + 2] = 9
    w = net.constant(weights, Q1(0.01))
    found = judged(net, net.add_operator("FULLY_CONNECTED", [flat, w, None], (1, 2)))
    assert found.kept[x] == (2,)


def test_maps_made_of_flat_tensors():
    net = DeadNet()
    x = net.input((1, 24))
    y = net.dense(x, 24)
    z = net.reshape(y, (1, 2, 3, 4))
    weights = net.rng.integers(1, 128, (2, 1, 1, 4))
    weights[..., 1] = 0
    found = judged(net, net.filters(z, weights))
    assert found.kept[z] == (0, 2, 3)
    assert found.kept[y] == tuple(k for k in range(24) if k % 4 != 1)


def test_other_shapes_keep_all():
    net, x = start()
    y = net.reshape(x, (1, 9, 5, 4))
    assert not judged(net, net.spread(y, 2)).kept


def test_rows_of_a_fully_connected_layer():
    net = DeadNet()
    x = net.input((7, 6))
    w = net.rng.integers(1, 128, (8, 6)).astype(np.int8)
    w[[1, 5]] = 0
    y = net.add_operator("FULLY_CONNECTED", [x, net.constant(w, Q1(0.01)), None], (7, 8))
    w2 = net.constant(net.rng.integers(1, 128, (3, 8)).astype(np.int8), Q1(0.01))
    found = judged(net, net.add_operator("FULLY_CONNECTED", [y, w2, None], (7, 3)))
    assert found.kept == {y: (0, 2, 3, 4, 6, 7)}
    assert found.constants == {y: {1: ZERO, 5: ZERO}}


def test_concatenation():
    """Parts that are not whole blocks of lanes may have any channels."""
    net = DeadNet()
    source = net.input(SHAPE)
    a = net.channels(source, [VARIES, C, VARIES])
    b = net.channels(source, [C, VARIES])
    y = net.add_operator("CONCATENATION", [a, b], (1, 5, 6, 5), {"axis": 3})
    found = judged(net, net.spread(y, 2))
    assert found.kept == {a: (0, 2), b: (1,), y: (0, 2, 4)}


def test_concatenation_of_whole_blocks():
    """They remain such: on 4 lanes 5 of 8 channels take 8 with or without the others."""
    net = DeadNet()
    source = net.input(SHAPE)
    a = net.channels(source, [C, VARIES, VARIES, VARIES, C, VARIES, C, VARIES])
    b = net.channels(source, [C, C, VARIES])
    y = net.add_operator("CONCATENATION", [a, b], (1, 5, 6, 11), {"axis": 3})
    found = judged(net, net.spread(y, 2))
    assert found.kept == {b: (2,), y: (*range(8), 10)}


def test_concatenation_along_another_axis():
    net = DeadNet()
    source = net.input(SHAPE)
    a, b = net.channels(source, [VARIES, C, C]), net.channels(source, [VARIES, VARIES, C])
    y = net.add_operator("CONCATENATION", [a, b], (1, 10, 6, 3), {"axis": 1})
    found = judged(net, net.spread(y, 2))
    assert found.kept == dict.fromkeys((a, b, y), (0, 1))
