# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator
from tests.golden.harness import ACTIVATIONS, CHANNELS, SIZES, check, draw_for
from tests.golden.test_conv import output_size
from tests.support.tflite_writer import GraphWriter


def graph(draw, operator, size, depth, kernel, stride, padding):
    quantization = draw.quantization()
    out = [output_size(size[i], kernel[i], stride[i], 1, padding) for i in range(2)]
    batch = draw.one((1, 1, 2))
    writer = GraphWriter()
    x = writer.tensor((batch, *size, depth), "int8", quantization)
    y = writer.tensor((batch, *out, depth), "int8", quantization)
    attributes = {
        "padding": padding,
        "stride": stride,
        "filter": kernel,
        "activation": draw.one(ACTIVATIONS),
    }
    writer.operator(operator, [x], [y], attributes)
    return writer, {x: draw.int8((batch, *size, depth))}, [y]


@pytest.mark.parametrize("operator", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("seed", range(150))
def test_random(operator, seed):
    draw = draw_for(seed, 41)
    kernel = draw.pair((1, 2, 3, 4, 5, 7, 9, 25))
    stride = draw.pair((1, 2, 3, 4)) if draw.chance(0.7) else kernel
    size = draw.pair((*SIZES, 25, 32))
    fits = all(k <= s for k, s in zip(kernel, size, strict=True))
    padding = draw.one(("SAME", "VALID")) if fits else "SAME"
    check(*graph(draw, operator, size, draw.one(CHANNELS), kernel, stride, padding))


@pytest.mark.parametrize("count", [2, 3, 4, 6, 7])
def test_every_rounding_of_an_average(count):
    """Sums of either sign with every remainder, ties among them."""
    q = Quantization((1.0,), (0,))
    rows = np.array([[n - 40] + [0] * (count - 1) for n in range(80)], np.int8)
    writer = GraphWriter()
    x = writer.tensor((1, 80, count, 1), "int8", q)
    y = writer.tensor((1, 80, 1, 1), "int8", q)
    writer.operator("AVERAGE_POOL_2D", [x], [y], {"filter": (1, count), "stride": (1, 1)})
    check(writer, {x: rows.reshape(1, 80, count, 1)}, [y])


def test_change_of_scale_is_refused():
    writer, feeds, outputs = graph(
        draw_for(0, 42), "MAX_POOL_2D", (4, 4), 1, (2, 2), (2, 2), "VALID"
    )
    object.__setattr__(writer.values[outputs[0]], "quantization", Quantization((5.0,), (0,)))
    with pytest.raises(UnsupportedOperator, match="different quantizations"):
        writer.evaluate(feeds)
