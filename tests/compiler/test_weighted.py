# SPDX-License-Identifier: Apache-2.0
"""Bounds of sums and results of layers with weights, against plain loops."""

import random

import numpy as np
import pytest

from dpu_compiler.passes.weighted import Weighted, weighted, wrapped
from dpu_golden import Quantization, requantize, same_padding
from tests.compiler.nets import Net

MIN, MAX = -(1 << 31), (1 << 31) - 1


def seeded() -> np.random.Generator:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    return np.random.default_rng(seed)


def wrap(number: int) -> int:
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-5, 7, (-5, 7)),
        (MIN, MAX, (MIN, MAX)),
        (MAX, MAX + 1, (MIN, MAX)),
        (MAX + 1, MAX + 9, (MIN, MIN + 8)),
        (MIN - 3, MIN - 1, (MAX - 2, MAX)),
        (MIN - 3, MIN, (MIN, MAX)),
        (-(1 << 33), 1 << 33, (MIN, MAX)),
        ((1 << 32) + 2, (1 << 32) + 3, (2, 3)),
    ],
)
def test_wrapped(low, high, expected):
    found = wrapped(np.array([low]), np.array([high]))
    assert (found[0][0], found[1][0]) == expected


KINDS = ("conv", "conv", "depthwise", "multiplier", "single", "flat", "rows")


def random_layer(rng, kind):
    """A graph with one layer; its input has a zero point that is not 0."""
    net = Net()
    if kind in ("flat", "rows"):
        x = net.input((1, 2, 3, 4) if kind == "flat" else (5, 4))
        count, depth = 3, 24 if kind == "flat" else 4
        w, b = net.weights((count, depth), 0, scale=float(2.0 ** rng.integers(-8, 0)))
        net.add_operator("FULLY_CONNECTED", [x, w, b], (1 if kind == "flat" else 5, count))
        return net.only()
    channels = 1 if kind == "single" else int(rng.integers(2, 5))
    x = net.input((1, *rng.integers(1, 8, 2).tolist(), channels))
    kernel = tuple(rng.integers(1, 5, 2).tolist())
    options = {
        "stride": tuple(rng.integers(1, 4, 2).tolist()),
        "dilation": tuple(rng.integers(1, 3, 2).tolist()),
        "activation": str(rng.choice(["NONE", "RELU", "RELU6"])),
    }
    if kind == "conv":
        net.conv(x, 3, kernel, **options)
    else:
        net.depthwise(x, kernel, {"depthwise": 1, "multiplier": 2, "single": 4}[kind], **options)
    return net.only()


def random_bias(rng, graph, operator):
    """Give it biases at which sums wrap, for some channels."""
    bias = graph.tensors[operator.inputs[2]]
    ends = rng.choice([0, MAX, MIN, 1 << 30], bias.data.shape)
    bias.data = (bias.data.astype(np.int64) + ends).astype(np.int32)


def naive_sums(graph, operator, low, high):
    """Bounds of each output's sum at each position, [row, column, output], by loops."""
    source, filters, bias = (graph.tensors[i] for i in operator.inputs)
    zero = source.quantization.zero_point0
    if operator.name == "FULLY_CONNECTED":
        channels = source.shape[-1]
        result = np.zeros((2, 1, 1, len(filters.data)), object)
        for o, row in enumerate(filters.data.astype(int)):
            products = [
                (w * (low[i % channels] - zero), w * (high[i % channels] - zero))
                for i, w in enumerate(row)
            ]
            result[0, 0, 0, o] = int(bias.data[o]) + sum(int(min(p)) for p in products)
            result[1, 0, 0, o] = int(bias.data[o]) + sum(int(max(p)) for p in products)
        return result
    _, height, width, channels = source.shape
    _, rows, columns, outputs = graph.tensors[operator.outputs[0]].shape
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    data = filters.data.astype(int)
    kernel = data.shape[1:3]
    stride, dilation = operator.attributes["stride"], operator.attributes["dilation"]
    before = [
        same_padding(size, kernel[a], stride[a], dilation[a], "SAME")[0]
        for a, size in enumerate((height, width))
    ]
    result = np.zeros((2, rows, columns, outputs), object)
    for r, c, o in np.ndindex(rows, columns, outputs):
        ends = [int(bias.data[o])] * 2
        for a, b in np.ndindex(*kernel):
            y = r * stride[0] - before[0] + a * dilation[0]
            x = c * stride[1] - before[1] + b * dilation[1]
            if not (0 <= y < height and 0 <= x < width):
                continue
            for i in [o // (outputs // channels)] if depthwise else range(channels):
                w = data[0, a, b, o] if depthwise else data[o, a, b, i]
                pair = (int(w * (low[i] - zero)), int(w * (high[i] - zero)))
                ends = [ends[0] + min(pair), ends[1] + max(pair)]
        result[:, r, c, o] = ends
    return result


def naive_results(graph, operator, sums):
    """Bounds of outputs by channel, from all sums between bounds where there are few."""
    view = weighted(graph, operator)
    lows, highs = [], []
    for o in range(sums.shape[-1]):
        low, high = 127, -128
        for a, b in zip(sums[0][..., o].ravel(), sums[1][..., o].ravel(), strict=True):
            numbers = np.array([wrap(int(n)) for n in np.linspace(a, b, 50, dtype=object)])
            y = requantize(
                numbers,
                view.multiplier[o],
                view.shift[o],
                view.output_zero_point,
                view.minimum,
                view.maximum,
            )
            low, high = min(low, int(y.min())), max(high, int(y.max()))
        lows.append(low)
        highs.append(high)
    return lows, highs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(6))
def test_bounds(kind, number):
    rng = seeded()
    graph, operator = random_layer(rng, kind)
    if number % 2:
        random_bias(rng, graph, operator)
    view = weighted(graph, operator)
    channels = graph.tensors[operator.inputs[0]].shape[-1]
    assert view.depthwise == (kind in ("depthwise", "multiplier"))
    ends = np.sort(rng.integers(-128, 128, (2, channels)), axis=0)
    low, high = view.sums(ends[0], ends[1])
    expected = naive_sums(graph, operator, ends[0], ends[1])
    for o in range(len(low)):
        # The cases that occur, whatever their order.
        mine = set(zip(low[o].ravel().tolist(), high[o].ravel().tolist(), strict=True))
        theirs = zip(expected[0][..., o].ravel(), expected[1][..., o].ravel(), strict=True)
        assert mine == set(theirs)
    found = view.results(low, high)
    least, greatest = naive_results(graph, operator, expected)
    crossing = (low + (1 << 31)) >> 32 != (high + (1 << 31)) >> 32
    for o in range(len(low)):
        assert found[0][o].min() <= least[o]
        assert found[1][o].max() >= greatest[o]
        if not crossing[o].any():
            # Then the bounds are results of sums that occur.
            assert (found[0][o].min(), found[1][o].max()) == (least[o], greatest[o])


@pytest.mark.parametrize("shift", [-31, -20, -8, -1, 0, 1, 5, 31])
def test_results_are_bounds_at_any_scale(shift):
    """Left shifts lose bits, and the zero point may be added to the largest numbers."""
    rng = seeded()
    count = 200
    view = Weighted(
        depthwise=False,
        weights=np.zeros((count, 1, 1, 1), np.int64),
        bias=np.zeros(count, np.int64),
        rows=np.ones((1, 1), np.bool_),
        columns=np.ones((1, 1), np.bool_),
        input_zero_point=0,
        multiplier=rng.integers(1 << 30, 1 << 31, count),
        shift=np.full(count, shift),
        output_zero_point=int(rng.integers(-128, 128)),
        minimum=-100,
        maximum=120,
    )
    magnitude = 2.0 ** rng.uniform(0, 33, (2, count))
    ends = np.sort((magnitude * rng.choice([-1, 1], (2, count))).astype(np.int64), axis=0)
    low, high = view.results(ends[0], ends[1])
    for o in range(count):
        sums = np.linspace(ends[0][o], ends[1][o], 500).astype(np.int64)
        sums[[0, -1]] = ends[0][o], ends[1][o]
        y = requantize(
            sums.astype(np.int32), view.multiplier[o], shift, view.output_zero_point, -100, 120
        )
        assert low[o] <= y.min()
        assert high[o] >= y.max()


def test_what_has_no_view():
    net = Net()
    x = net.input((1, 4, 4, 4))
    # Groups: the filters see half of the channels.
    w, b = net.weights((4, 1, 1, 2), 0)
    attributes = {"padding": "VALID", "stride": (1, 1), "dilation": (1, 1)}
    net.add_operator("CONV_2D", [x, w, b], (1, 4, 4, 4), attributes)
    assert weighted(*net.only()) is None
    net = Net()
    x = net.input((1, 4, 4, 4))
    y = net.input((3, 1, 1, 4), quantization=Quantization((0.5,), (0,)))
    net.add_operator("CONV_2D", [x, y], (1, 4, 4, 3), attributes)
    assert weighted(*net.only()) is None
    net = Net()
    net.sum(*[net.input((1, 4, 4, 4))] * 2)
    assert weighted(*net.only()) is None
