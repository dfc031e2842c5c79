# SPDX-License-Identifier: Apache-2.0
"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator, mean_parameters
from tests.golden.harness import CHANNELS, SIZES, check, draw_for, float32
from tests.support.tflite_writer import GraphWriter

AXES = ((1, 2), (1, 2), (2, 1), (1,), (2,), (3,), (-1,), (-3, -2), (1, 2, 3), (1, 1, 2))


def graph(draw, operator, shape, axes, keep, scale_change=True):
    first = draw.quantization()
    second = first
    if scale_change:
        scale = float32(first.scale0 * draw.one((draw.factor(-6, 6), 1.0)))
        second = Quantization((scale,), (draw.zero_point(),))
    reduced = {axis % len(shape) for axis in axes}
    out = [1 if i in reduced else size for i, size in enumerate(shape) if keep or i not in reduced]
    writer = GraphWriter()
    x = writer.tensor(shape, "int8", first)
    axis = writer.constant(np.array(axes, np.int32))
    y = writer.tensor(out, "int8", second)
    writer.operator(operator, [x, axis], [y], {"keep_dims": keep})
    return writer, {x: draw.int8(shape)}, [y]


@pytest.mark.parametrize("seed", range(200))
def test_mean(seed):
    draw = draw_for(seed, 51)
    shape = (draw.one((1, 1, 2)), *draw.pair((*SIZES, 32, 65)), draw.one(CHANNELS))
    check(*graph(draw, "MEAN", shape, draw.one(AXES), draw.chance(0.5)))


@pytest.mark.parametrize("operator", ["SUM", "REDUCE_MAX", "REDUCE_MIN"])
@pytest.mark.parametrize("seed", range(15))
def test_others(operator, seed):
    draw = draw_for(seed, 52)
    shape = (1, *draw.pair(SIZES), draw.one(CHANNELS))
    keep = draw.chance(0.5)
    check(*graph(draw, operator, shape, draw.one(AXES), keep, operator == "SUM"))


def test_mean_of_other_ranks():
    draw = draw_for(0, 53)
    check(*graph(draw, "MEAN", (3, 7), (1,), True))
    check(*graph(draw, "MEAN", (3, 7, 5), (0, 1), False))


def test_parameters():
    """Equal scales and 49 elements: floor(2^30 2^5 / 49) and five places less."""
    q = Quantization((0.25,), (0,))
    assert mean_parameters(q, q, 49) == ((1 << 35) // 49, 1 - 5)
    assert mean_parameters(q, q, 1) == (1 << 30, 1)


def test_axis_outside_the_input_is_refused():
    writer, feeds, _ = graph(draw_for(1, 53), "MEAN", (1, 2, 2, 1), (1, 2), True)
    writer.constants[1] = np.array([1, 4], np.int32)
    with pytest.raises(UnsupportedOperator, match="axis 4 is outside"):
        writer.evaluate(feeds)
