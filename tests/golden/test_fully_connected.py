# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED against the reference runtime."""

import pytest

from dpu_golden import UnsupportedOperator
from tests.golden.harness import ACTIVATIONS, CHANNELS, check, draw_for, draw_layer
from tests.support.tflite_writer import GraphWriter

DEPTHS = (1, 2, 3, 5, 8, 16, 17, 63, 64, 65, 256, 514, 515, 640, 1280, 4480)


def graph(draw, depth, channels, lead, keep):
    layer = draw_layer(draw, channels, depth, 0, channels > 1 and draw.chance(0.5))
    writer = GraphWriter()
    x = writer.tensor((*lead, depth), "int8", layer.input)
    w = writer.constant(draw.int8((channels, depth)), layer.weights)
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


def test_rows_that_do_not_divide_are_refused():
    writer, feeds, _ = graph(draw_for(0, 22), 8, 3, (2,), False)
    object.__setattr__(writer.values[0], "shape", (3, 5))
    with pytest.raises(UnsupportedOperator, match="doesn't divide into rows of 8"):
        writer.evaluate({0: next(iter(feeds.values())).reshape(-1)[:15].reshape(3, 5)})
