# SPDX-License-Identifier: Apache-2.0
"""CONV_2D against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator
from tests.golden.harness import (
    ACTIVATIONS,
    CHANNELS,
    SIZES,
    check,
    draw_for,
    draw_layer,
    draw_weights,
)
from tests.support.tflite_writer import GraphWriter


def output_size(size, kernel, stride, dilation, padding):
    effective = (kernel - 1) * dilation + 1
    span = size if padding == "SAME" else size - effective + 1
    return -(-span // stride)


def conv_graph(draw, size, depth, channels, kernel, stride, dilation, padding, groups=1):
    layer = draw_layer(
        draw,
        channels,
        kernel[0] * kernel[1] * depth // groups,
        0,
        channels > 1 and draw.chance(0.8),
    )
    weights = draw_weights(draw, layer, (channels, *kernel, depth // groups))
    out = [output_size(size[i], kernel[i], stride[i], dilation[i], padding) for i in range(2)]
    batch = draw.one((1, 1, 1, 2, 3))
    writer = GraphWriter()
    x = writer.tensor((batch, *size, depth), "int8", layer.input)
    w = writer.constant(weights, layer.weights)
    b = None if layer.bias is None else writer.constant(layer.bias, layer.bias_quantization)
    y = writer.tensor((batch, *out, channels), "int8", layer.output)
    attributes = {
        "padding": padding,
        "stride": stride,
        "dilation": dilation,
        "activation": draw.one(ACTIVATIONS),
    }
    writer.operator("CONV_2D", [x, w] if b is None else [x, w, b], [y], attributes)
    return writer, {x: draw.int8((batch, *size, depth))}, [y]


@pytest.mark.parametrize("seed", range(400))
def test_random(seed):
    draw = draw_for(seed, 1)
    kernel, stride = draw.pair((1, 1, 2, 3, 3, 4, 5, 7)), draw.pair((1, 1, 2, 2, 3, 4))
    dilation = draw.pair((1, 1, 1, 2, 3)) if draw.chance(0.4) else (1, 1)
    size = draw.pair(SIZES)
    fits = all((k - 1) * d < s for k, d, s in zip(kernel, dilation, size, strict=True))
    padding = draw.one(("SAME", "VALID")) if fits else "SAME"
    graph = conv_graph(
        draw, size, draw.one(CHANNELS), draw.one(CHANNELS), kernel, stride, dilation, padding
    )
    check(*graph)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("size", [7, 8, 9])
def test_every_stride_and_padding(padding, stride, dilation, size):
    draw = draw_for(size * 100 + stride * 10 + dilation, 2)
    graph = conv_graph(
        draw, (size, size + 1), 3, 5, (3, 3), (stride, stride), (dilation, dilation), padding
    )
    check(*graph)


@pytest.mark.parametrize("seed", range(20))
def test_groups(seed):
    draw = draw_for(seed, 3)
    groups = draw.one((2, 3, 4))
    depth, channels = groups * draw.one((1, 2, 5)), groups * draw.one((1, 3, 4))
    check(*conv_graph(draw, (6, 5), depth, channels, (3, 2), (1, 2), (1, 1), "SAME", groups))


@pytest.mark.parametrize("depth", [513, 515, 1280, 2111])
def test_long_reductions(depth):
    """On both sides of the reduction that still fits in float32 products."""
    draw = draw_for(depth, 4)
    check(*conv_graph(draw, (3, 2), depth, 9, (1, 1), (1, 1), (1, 1), "SAME"))


def test_large_image_is_computed_in_parts():
    draw = draw_for(0, 5)
    check(*conv_graph(draw, (150, 160), 30, 4, (5, 5), (1, 1), (1, 1), "SAME"))


def test_explicit_padding_equals_the_named_one():
    draw = draw_for(1, 6)
    writer, feeds, outputs = conv_graph(draw, (9, 8), 3, 4, (3, 3), (2, 2), (1, 1), "SAME")
    named = writer.evaluate(feeds)[outputs[0]]
    writer.operators[0][3]["padding"] = ((1, 1), (0, 1))
    np.testing.assert_array_equal(writer.evaluate(feeds)[outputs[0]], named)


def broken(change):
    writer, feeds, _ = conv_graph(draw_for(2, 7), (5, 5), 2, 3, (3, 3), (1, 1), (1, 1), "SAME")
    change(writer)
    return writer, feeds


def test_asymmetric_weights_are_refused():
    def change(writer):
        value = writer.values[1]
        object.__setattr__(value, "quantization", Quantization((0.5,), (3,)))

    writer, feeds = broken(change)
    with pytest.raises(UnsupportedOperator, match="CONV_2D: The weights have a zero point"):
        writer.evaluate(feeds)


def test_unknown_activation_is_refused():
    writer, feeds = broken(lambda writer: writer.operators[0][3].update(activation="TANH"))
    with pytest.raises(UnsupportedOperator, match="fused activation TANH"):
        writer.evaluate(feeds)


def test_wrong_output_shape_is_refused():
    def change(writer):
        object.__setattr__(writer.values[writer.operators[0][2][0]], "shape", (1, 4, 5, 3))

    writer, feeds = broken(change)
    with pytest.raises(UnsupportedOperator, match="makes the shape"):
        writer.evaluate(feeds)


def test_kernel_that_does_not_fit_is_refused():
    writer, feeds = broken(
        lambda writer: writer.operators[0][3].update(padding="VALID", dilation=(4, 4))
    )
    with pytest.raises(UnsupportedOperator, match="doesn't fit"):
        writer.evaluate(feeds)
