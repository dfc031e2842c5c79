# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator
from tests.golden.harness import ACTIVATIONS, CHANNELS, check, draw_for, draw_layer, draw_weights
from tests.support.tflite_writer import GraphWriter

DEPTHS = (1, 2, 3, 5, 8, 16, 17, 63, 64, 65, 256, 514, 515, 640, 1280, 4480)


def graph(draw, depth, channels, lead, keep):
    layer = draw_layer(draw, channels, depth, 0, channels > 1 and draw.chance(0.5))
    writer = GraphWriter()
    x = writer.tensor((*lead, depth), "int8", layer.input)
    w = writer.constant(draw_weights(draw, layer, (channels, depth)), layer.weights)
    b = None if layer.bias is None else writer.constant(layer.bias, layer.bias_quantization)
    rows = 1
    for size in lead:
        rows *= size
    y = writer.tensor((*lead, channels) if keep else (rows, channels), "int8", layer.output)
    attributes = {"activation": draw.one(ACTIVATIONS), "keep_num_dims": keep}
    writer.operator("FULLY_CONNECTED", [x, w] if b is None else [x, w, b], [y], attributes)
    return writer, {x: draw.int8((*lead, depth))}, [y]


@pytest.mark.parametrize("seed", range(300))
def test_random(seed):
    draw = draw_for(seed, 21)
    lead = draw.one(((1,), (1,), (2,), (5,), (1, 3), (2, 2, 3)))
    check(*graph(draw, draw.one(DEPTHS), draw.one(CHANNELS), lead, draw.chance(0.5)))


@pytest.mark.parametrize("zero_point", [-128, 0, 1, 100, 127])
def test_ends_of_int32(zero_point):
    """Biases at both ends, and factors around 1: the zero point's addition wraps, too."""
    biases = [(1 << 31) - 1, (1 << 31) - 2, -(1 << 31), 1 - (1 << 31), (1 << 30) + 1, -(1 << 30)]
    writer = GraphWriter()
    feeds, ys = {}, []
    # The first one is 1 - 2^-30: scaled numbers come as near to the ends of int32 as they can.
    factors = [(1.0 + 2.0**-15, 1.0 - 2.0**-15)]
    factors += [(f, 1.0) for f in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.0 - 2.0**-23, 3.0, 256.0)]
    for factor, weight_scale in factors:
        x = writer.tensor((1, 1), "int8", Quantization((factor,), (0,)))
        ones = np.ones((len(biases), 1), np.int8)
        w = writer.constant(ones, Quantization((weight_scale,), (0,)))
        b = writer.constant(np.array(biases, np.int32), Quantization((factor,), (0,)))
        y = writer.tensor((1, len(biases)), "int8", Quantization((1.0,), (zero_point,)))
        writer.operator("FULLY_CONNECTED", [x, w, b], [y])
        feeds[x] = np.array([[draw_for(0, 23).one((-1, 0, 1))]], np.int8)
        ys.append(y)
    check(writer, feeds, ys)


@pytest.mark.parametrize("depth", [515, 1281, 4480, 9001])
def test_long_reductions_are_exact(depth):
    """Sums of the largest products, brought back to small numbers by the bias."""
    draw = draw_for(depth, 24)
    x = np.asarray(draw.rng.choice([-128, -127], (1, depth)), np.int8)
    weights = np.asarray(
        draw.rng.choice([-128, -127, 127], (16, depth), p=[0.8, 0.1, 0.1]), np.int8
    )
    acc = (x.astype(np.int64) - 127) @ weights.astype(np.int64).T
    bias = (draw.rng.integers(-100, 100, 16) - acc[0]).astype(np.int32)
    writer = GraphWriter()
    a = writer.tensor(x.shape, "int8", Quantization((1.0,), (127,)))
    w = writer.constant(weights, Quantization((1.0,), (0,)))
    b = writer.constant(bias, Quantization((1.0,), (0,)))
    y = writer.tensor((1, 16), "int8", Quantization((1.0,), (0,)))
    writer.operator("FULLY_CONNECTED", [a, w, b], [y])
    check(writer, {a: x}, [y])


def test_rows_that_do_not_divide_are_refused():
    writer, feeds, _ = graph(draw_for(0, 22), 8, 3, (2,), False)
    object.__setattr__(writer.values[0], "shape", (3, 5))
    with pytest.raises(UnsupportedOperator, match="doesn't divide into rows of 8"):
        writer.evaluate({0: next(iter(feeds.values())).reshape(-1)[:15].reshape(3, 5)})
