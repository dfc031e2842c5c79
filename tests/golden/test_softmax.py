# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator
from tests.golden.harness import check, draw_for
from tests.support.tflite_writer import GraphWriter

OUTPUT = Quantization((1 / 256,), (-128,))


def graph(x, input, beta=1.0, output=OUTPUT):
    writer = GraphWriter()
    a = writer.tensor(x.shape, "int8", input)
    y = writer.tensor(x.shape, "int8", output)
    writer.operator("SOFTMAX", [a], [y], {"beta": beta})
    return writer, {a: x}, [y]


@pytest.mark.parametrize("seed", range(250))
def test_random(seed):
    draw = draw_for(seed, 71)
    # 512 and more elements at the maximum would abort the reference runtime.
    depth = draw.one((1, 2, 3, 4, 10, 12, 17, 100, 255, 400, 511))
    shape = draw.one(((1, depth), (3, depth), (2, 3, depth), (1, 2, 2, depth), (depth,)))
    beta = draw.one((1.0, 1.0, 0.5, 2.0, 0.1, 10.0))
    check(*graph(draw.int8(shape), draw.quantization(-12, 3), beta))


@pytest.mark.parametrize("scale", [2.0**-10, 0.01, 0.0625, 0.17, 1.0, 8.0, 40.0, 100.0])
def test_every_difference(scale):
    rows = np.full((256, 2), 127, np.int8)
    rows[:, 1] = np.arange(-128, 128)
    check(*graph(rows, Quantization((scale,), (0,))))


def test_ties_that_abort_the_reference_runtime():
    """512 and more equal logits get less than half a step each, which rounds down to nothing."""
    for depth in (512, 1000, 5000):
        writer, feeds, outputs = graph(np.zeros((1, depth), np.int8), Quantization((0.1,), (0,)))
        assert set(writer.evaluate(feeds)[outputs[0]].reshape(-1)) == {-128}


def test_other_output_scale_is_refused():
    x = np.zeros((1, 4), np.int8)
    writer, feeds, _ = graph(x, Quantization((0.1,), (0,)), 1.0, Quantization((0.1,), (-128,)))
    with pytest.raises(UnsupportedOperator, match="scale 1/256"):
        writer.evaluate(feeds)
