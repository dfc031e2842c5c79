# SPDX-License-Identifier: Apache-2.0
"""Which channels are found constant, rule by rule, and that no value is ever out of range."""

import numpy as np
import pytest

from dpu_compiler.passes.channel_ranges import channel_ranges
from dpu_golden import Quantization
from tests.compiler.dead_nets import ZERO, DeadNet, seeded_feeds
from tests.compiler.nets import Q

SHAPE = (1, 5, 6, 3)
C, VARIES = 40, None


def constants(net, tensor):
    """The value of each channel of a tensor, None where it is not found constant.

    No run may have a value out of range.
    """
    graph = net.graph(tensor)
    ranges = channel_ranges(graph)
    for _ in range(3):
        for index, array in graph.run(seeded_feeds(graph)).items():
            if array.dtype != np.int8:
                continue
            found = array.reshape(-1, array.shape[-1] if array.ndim else 1)
            assert (found >= ranges[index].low).all()
            assert (found <= ranges[index].high).all()
    mine = ranges[tensor]
    return [
        int(low) if low == high else None for low, high in zip(mine.low, mine.high, strict=True)
    ]


def start(values):
    net = DeadNet()
    return net, net.channels(net.input(SHAPE), values)


def identity(kernel, taps, weight):
    """Weights of 3 x 3 channels, each from its own input through these taps."""
    weights = np.zeros((3, *kernel, 3), int)
    for tap in taps:
        for channel in range(3):
            weights[(channel, *tap, channel)] = weight
    return weights


def test_inputs_vary():
    net = DeadNet()
    x = net.input(SHAPE)
    assert constants(net, net.add_operator("RELU", [x], SHAPE)) == [VARIES] * 3


def test_filters_without_weights():
    net, x = start([C, VARIES, ZERO])
    assert constants(net, x) == [C, VARIES, ZERO]


@pytest.mark.parametrize(("bias", "value"), [(-(2**31) + 2**25, 3), (2**31 - 2**25, 127)])
def test_sums_that_saturate(bias, value):
    net = DeadNet()
    x = net.input(SHAPE)
    weights = net.rng.integers(-127, 128, (2, 3, 3, 3))
    y = net.filters(x, weights, [bias, 0], activation="RELU")
    assert constants(net, y) == [value, VARIES]


def test_sums_that_may_wrap_vary():
    """So near to the end of int32 that some sums come out at the other one."""
    net = DeadNet()
    x = net.input(SHAPE)
    weights = np.full((2, 1, 1, 3), 100)
    y = net.filters(x, weights, [2**31 - 1, 2**31 - 1 - 125 * 300])
    assert constants(net, y) == [VARIES, 127]


def test_bias_that_wraps_always():
    """A constant input whose product takes the bias past the end of int32."""
    net, x = start([C, C, C])
    y = net.filters(x, np.full((1, 1, 1, 3), 100), [2**31 - 1])
    assert constants(net, y) == [-128]


def test_border_of_a_convolution():
    """It reads the zero point, which only a channel of that value doesn't show."""
    net, x = start([C, ZERO, VARIES])
    y = net.filters(x, identity((3, 3), np.ndindex(3, 3), 5), [0, 100, 0])
    assert constants(net, y) == [VARIES, ZERO + 1, VARIES]


def test_no_border():
    net, x = start([C, ZERO, VARIES])
    taps = np.ndindex(3, 3)
    y = net.filters(x, identity((3, 3), taps, 5), [0, 100, 0], padding="VALID")
    # 37 x 5 x 9 / 100 = 16.65
    assert constants(net, y) == [ZERO + 17, ZERO + 1, VARIES]


def test_border_that_only_dead_taps_read():
    net, x = start([C, ZERO, VARIES])
    y = net.filters(x, identity((3, 3), [(1, 1)], 50), [0, 0, 0])
    assert constants(net, y) == [22, ZERO, VARIES]  # 37 x 50 / 100 = 18.5, away from zero


def test_border_that_the_clamp_hides():
    net, x = start([C, ZERO, VARIES])
    y = net.filters(x, identity((3, 3), np.ndindex(3, 3), -5), [-1] * 3, activation="RELU")
    assert constants(net, y) == [ZERO, ZERO, VARIES]


def test_depthwise():
    net, x = start([C, ZERO, VARIES])
    y = net.depthwise(x, (3, 3), multiplier=2)
    assert constants(net, y)[0::2][0] is VARIES
    net, x = start([C, ZERO, VARIES])
    y = net.depthwise(x, (3, 3), multiplier=2, padding="VALID")
    found = constants(net, y)
    assert [value is not VARIES for value in found] == [True] * 4 + [False] * 2


def test_fully_connected():
    net, x = start([C, ZERO, VARIES])
    flat = net.reshape(x, (1, 90))
    weights = np.zeros((2, 30, 3), int)
    weights[0, :, :2] = 1  # Over the constant channels: 30 x 37 / 100 = 11.1
    weights[1, 7, 2] = 1
    w = net.constant(weights.reshape(2, 90).astype(np.int8), Quantization((0.01,), (0,)))
    y = net.add_operator("FULLY_CONNECTED", [flat, w, None], (1, 2))
    assert constants(net, y)[0] == ZERO + 11
    assert constants(net, flat) == [C, ZERO, VARIES] * 30


@pytest.mark.parametrize(("name", "value"), [("ADD", 77), ("SUB", ZERO), ("MUL", 127)])
def test_of_two_tensors(name, value):
    net = DeadNet()
    x = net.input(SHAPE)
    a, b = net.channels(x, [C, C, VARIES]), net.channels(x, [C, VARIES, VARIES])
    y = net.add_operator(name, [a, b], SHAPE)
    assert constants(net, y) == [value, VARIES, VARIES]


def test_difference_beyond_the_ends():
    """127 - -128 is over the range, the reverse under it."""
    net = DeadNet()
    x = net.input(SHAPE)
    a, b = net.channels(x, [127, -128, 127]), net.channels(x, [-128, 127, VARIES])
    y = net.add_operator("SUB", [a, b], SHAPE)
    assert constants(net, y) == [127, -128, VARIES]


@pytest.mark.parametrize("factor", [-1, 1])
def test_product_with_a_negative_number(factor):
    net, x = start([C, VARIES, ZERO])
    number = net.constant(np.array(ZERO + factor, np.int8), Q)
    y = net.add_operator("MUL", [x, number], SHAPE, quantization=Quantization((0.25,), (ZERO,)))
    assert constants(net, y) == [ZERO + factor * 37, VARIES, ZERO]


def test_product_that_leaves_int32_varies():
    net, x = start([C, VARIES, C])
    number = net.constant(np.array(90, np.int8), Q)
    tiny = Quantization((0.25 / 2**20,), (0,))
    y = net.add_operator("MUL", [x, number], SHAPE, quantization=tiny)
    assert constants(net, y) == [VARIES] * 3


def test_constant_operands():
    net, x = start([C, C, C])
    per_channel = net.constant(np.array([ZERO, 10, 0], np.int8), Q)
    whole = net.rng.integers(-5, 5, SHAPE).astype(np.int8)
    whole[..., 0] = 10
    y = net.add_operator("ADD", [x, per_channel], SHAPE)
    z = net.add_operator("ADD", [y, net.constant(whole, Q)], SHAPE)
    assert constants(net, y) == [40, 47, 37]
    assert constants(net, z) == [47, VARIES, VARIES]


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_pools(name, padding):
    """Their borders don't count, so constants stay."""
    net, x = start([C, ZERO, VARIES])
    options = {"padding": padding, "filter": (3, 2), "activation": "RELU6"}
    out = net._window(x, (3, 2), options)
    y = net.add_operator(name, [x], (1, *out, 3), options)
    assert constants(net, y) == [15, ZERO, VARIES]


def test_mean():
    net, x = start([C, ZERO, VARIES])
    y = net.add_operator("MEAN", [x, net.numbers(1, 2)], (1, 3), {"keep_dims": False})
    assert constants(net, y) == [C, ZERO, VARIES]
    z = net.add_operator("MEAN", [x, net.numbers(3)], (1, 5, 6), {"keep_dims": False})
    assert constants(net, z) == [VARIES] * 6


@pytest.mark.parametrize(("fill", "expected"), [(None, [VARIES, ZERO]), (C, [C, VARIES])])
def test_pad(fill, expected):
    net, x = start([C, ZERO, VARIES])
    inputs = [x, net.numbers((0, 0), (1, 0), (0, 2), (0, 0))]
    if fill is not None:
        inputs.append(net.constant(np.array([fill], np.int8), Q))
    y = net.add_operator("PAD" if fill is None else "PADV2", inputs, (1, 6, 8, 3))
    assert constants(net, y) == [*expected, VARIES]


def test_new_channels_by_pad():
    net, x = start([C, ZERO, VARIES])
    y = net.add_operator("PAD", [x, net.numbers((0, 0), (0, 0), (0, 0), (1, 0))], (1, 5, 6, 4))
    assert constants(net, y) == [ZERO, C, ZERO, VARIES]


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("RELU", {}, [C, ZERO]),
        ("RELU6", {}, [15, ZERO]),
        ("LEAKY_RELU", {"alpha": 0.1}, [C, ZERO]),
        ("HARD_SWISH", {}, [C, ZERO]),
        ("QUANTIZE", {}, [C, ZERO]),
    ],
)
def test_functions(name, attributes, expected):
    net, x = start([C, ZERO, VARIES])
    y = net.add_operator(name, [x], SHAPE, attributes)
    assert constants(net, y) == [*expected, VARIES]


def test_function_that_turns_round():
    """HARD_SWISH falls, then grows: its lowest value is not at an end of the input's range."""
    net = DeadNet()
    x = net.input((1, 1, 256, 1), quantization=Quantization((0.05,), (0,)))
    y = net.add_operator(
        "HARD_SWISH", [x], (1, 1, 256, 1), quantization=Quantization((0.05,), (0,))
    )
    graph = net.graph(y)
    found = channel_ranges(graph)[y]
    results = graph.run({x: np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 256, 1)})[y]
    assert found.low.tolist() == [results.min()] != [results[0, 0, 0, 0]]
    assert found.high.tolist() == [results.max()]


def test_concatenation():
    net, x = start([C, ZERO, VARIES])
    y = net.add_operator("CONCATENATION", [x, x], (1, 5, 6, 6), {"axis": -1})
    assert constants(net, y) == [C, ZERO, VARIES] * 2
    other = net.channels(net.inputs[0], [C, C, C])
    z = net.add_operator("CONCATENATION", [x, other], (1, 10, 6, 3), {"axis": 1})
    assert constants(net, z) == [C, VARIES, VARIES]


def test_shapes():
    net, x = start([C, ZERO, VARIES])
    assert constants(net, net.reshape(x, (1, 30, 3))) == [C, ZERO, VARIES]
    assert constants(net, net.reshape(x, (15, 6))) == [C, ZERO, VARIES] * 2
    assert constants(net, net.reshape(x, (1, 90, 1))) == [VARIES]
    y = net.add_operator("TRANSPOSE", [x, net.numbers(0, 3, 1, 2)], (1, 3, 5, 6))
    assert constants(net, y) == [VARIES] * 6


def test_slices_and_sizes():
    net, x = start([C, ZERO, VARIES])
    bounds = [net.numbers(0, 1, 0, 1), net.numbers(1, 5, 6, 3), net.numbers(1, 2, 1, 1)]
    y = net.add_operator("STRIDED_SLICE", [x, *bounds], (1, 2, 6, 2))
    assert constants(net, y) == [ZERO, VARIES]
    z = net.add_operator(
        "RESIZE_NEAREST_NEIGHBOR",
        [x, net.numbers(10, 12)],
        (1, 10, 12, 3),
        {"align_corners": False, "half_pixel_centers": False},
    )
    assert constants(net, z) == [C, ZERO, VARIES]


def test_what_no_rule_knows_varies():
    net, x = start([C, ZERO, VARIES])
    y = net.add_operator(
        "SOFTMAX", [x], SHAPE, {"beta": 1.0}, quantization=Quantization((1 / 256,), (-128,))
    )
    assert constants(net, y) == [VARIES] * 3


def test_real_inputs():
    net = DeadNet()
    x = net.input(SHAPE, "float32", None)
    y = net.add_operator("QUANTIZE", [x], SHAPE)
    graph = net.graph(y)
    found = channel_ranges(graph)
    assert x not in found
    assert found[y].low.tolist() == [-128] * 3
    assert found[y].high.tolist() == [127] * 3
