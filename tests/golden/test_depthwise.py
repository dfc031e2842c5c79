# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D against the reference runtime."""

import pytest

from dpu_golden import UnsupportedOperator
from tests.golden.harness import (
    ACTIVATIONS,
    CHANNELS,
    SIZES,
    check,
    draw_for,
    draw_layer,
    draw_weights,
)
from tests.golden.test_conv import output_size
from tests.support.tflite_writer import GraphWriter

KERNELS = (
    (1, 1),
    (1, 3),
    (2, 2),
    (3, 1),
    (3, 3),
    (3, 3),
    (4, 2),
    (5, 5),
    (7, 7),
    (9, 1),
    (1, 9),
    (10, 8),
    (23, 1),
    (1, 23),
)


def depthwise_graph(draw, size, depth, multiplier, kernel, stride, dilation, padding):
    channels = depth * multiplier
    layer = draw_layer(draw, channels, kernel[0] * kernel[1], 3, channels > 1 and draw.chance(0.8))
    out = [output_size(size[i], kernel[i], stride[i], dilation[i], padding) for i in range(2)]
    batch = draw.one((1, 1, 1, 2))
    writer = GraphWriter()
    x = writer.tensor((batch, *size, depth), "int8", layer.input)
    w = writer.constant(draw_weights(draw, layer, (1, *kernel, channels)), layer.weights)
    b = None if layer.bias is None else writer.constant(layer.bias, layer.bias_quantization)
    y = writer.tensor((batch, *out, channels), "int8", layer.output)
    attributes = {
        "padding": padding,
        "stride": stride,
        "dilation": dilation,
        "activation": draw.one(ACTIVATIONS),
        "depth_multiplier": multiplier,
    }
    writer.operator("DEPTHWISE_CONV_2D", [x, w] if b is None else [x, w, b], [y], attributes)
    return writer, {x: draw.int8((batch, *size, depth))}, [y]


@pytest.mark.parametrize("seed", range(400))
def test_random(seed):
    draw = draw_for(seed, 11)
    kernel = draw.one(KERNELS)
    stride = draw.pair((1, 1, 2, 3)) if draw.chance(0.5) else (draw.one((1, 2)),) * 2
    dilation = draw.pair((1, 2, 3)) if draw.chance(0.3) else (1, 1)
    size = draw.pair((*SIZES, 24, 49))
    fits = all((k - 1) * d < s for k, d, s in zip(kernel, dilation, size, strict=True))
    padding = draw.one(("SAME", "VALID")) if fits else "SAME"
    multiplier = draw.one((1, 1, 1, 2, 3, 8))
    depth = draw.one(CHANNELS)
    check(*depthwise_graph(draw, size, depth, multiplier, kernel, stride, dilation, padding))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_every_kernel(kernel, stride, padding):
    draw = draw_for(kernel[0] * 100 + kernel[1] * 10 + stride, 12)
    check(*depthwise_graph(draw, (24, 25), 3, 1, kernel, (stride, stride), (1, 1), padding))


def test_depth_multiplier_that_does_not_match_is_refused():
    graph = depthwise_graph(draw_for(0, 13), (5, 5), 2, 2, (3, 3), (1, 1), (1, 1), "SAME")
    writer, feeds, _ = graph
    writer.operators[0][3]["depth_multiplier"] = 3
    with pytest.raises(UnsupportedOperator, match="depth multiplier 3"):
        writer.evaluate(feeds)


def test_depth_multiplier_follows_from_the_weights():
    graph = depthwise_graph(draw_for(1, 13), (5, 5), 2, 2, (3, 3), (1, 1), (1, 1), "SAME")
    writer, feeds, outputs = graph
    given = writer.evaluate(feeds)[outputs[0]]
    del writer.operators[0][3]["depth_multiplier"]
    assert (writer.evaluate(feeds)[outputs[0]] == given).all()
