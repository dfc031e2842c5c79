# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB and MUL against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator, add_parameters
from tests.golden.harness import ACTIVATIONS, check, draw_for, float32
from tests.support.tflite_writer import GraphWriter

SHAPES = (
    ((1, 4, 5, 3), (1, 4, 5, 3)),
    ((1, 1, 1, 1), (1, 1, 1, 1)),
    ((2, 7, 9, 17), (2, 7, 9, 17)),
    ((1, 4, 5, 3), (1, 1, 1, 3)),
    ((1, 4, 5, 3), (3,)),
    ((1, 4, 5, 3), (1,)),
    ((1,), (2, 3)),
    ((1, 1, 1, 8), (1, 3, 3, 8)),
    ((1, 4, 1, 3), (1, 1, 5, 1)),
    ((2, 1, 5, 1), (1, 4, 1, 3)),
    ((5, 1), (1, 7)),
    ((4, 5, 3), (5, 3)),
    ((16,), (16,)),
)


def graph(operator, shapes, quantizations, activation):
    writer = GraphWriter()
    a = writer.tensor(shapes[0], "int8", quantizations[0])
    b = writer.tensor(shapes[1], "int8", quantizations[1])
    y = writer.tensor(np.broadcast_shapes(*shapes), "int8", quantizations[2])
    writer.operator(operator, [a, b], [y], {"activation": activation})
    return writer, a, b, y


def quantizations(draw, operator):
    """Scales of two inputs and an output for which the reference runtime accepts the operator."""
    first, second = draw.quantization(), draw.quantization()
    if draw.chance(0.4):
        scale = float32(first.scale0 * draw.one((1.0, draw.factor(-8, 8))))
        second = Quantization((scale,), (draw.zero_point(),))
    if operator == "MUL":
        product = first.scale0 * second.scale0
        scale = float32(product * draw.factor(-9, 20))
    else:
        # The scale of the sum is at least 2^-19 of the larger input's.
        largest = max(first.scale0, second.scale0)
        scale = float32(largest * draw.one((draw.factor(-18, 8), draw.factor(-3, 3), 1.0)))
    return first, second, Quantization((scale,), (draw.zero_point(),))


@pytest.mark.parametrize("operator", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("seed", range(100))
def test_random(operator, seed):
    draw = draw_for(seed, 31)
    shapes = draw.one(SHAPES)
    chosen = quantizations(draw, operator)
    writer, a, b, y = graph(operator, shapes, chosen, draw.one(ACTIVATIONS))
    check(writer, {a: draw.int8(shapes[0]), b: draw.int8(shapes[1])}, [y])


@pytest.mark.parametrize("operator", ["ADD", "SUB", "MUL"])
@pytest.mark.parametrize("seed", range(40))
def test_all_pairs(operator, seed):
    """Every pair of stored numbers."""
    draw = draw_for(seed, 32)
    writer, a, b, y = graph(operator, ((256, 1), (1, 256)), quantizations(draw, operator), "NONE")
    numbers = np.arange(-128, 128).astype(np.int8)
    check(writer, {a: numbers.reshape(256, 1), b: numbers.reshape(1, 256)}, [y])


@pytest.mark.parametrize("seed", range(10))
def test_constant_operand(seed):
    draw = draw_for(seed, 33)
    operator = draw.one(("ADD", "SUB", "MUL"))
    first, second, output = quantizations(draw, operator)
    writer = GraphWriter()
    constant = writer.constant(draw.int8((1, 1, 1, 5)), first)
    x = writer.tensor((1, 3, 3, 5), "int8", second)
    y = writer.tensor((1, 3, 3, 5), "int8", output)
    writer.operator(operator, [constant, x] if draw.chance(0.5) else [x, constant], [y])
    check(writer, {x: draw.int8((1, 3, 3, 5))}, [y])


@pytest.mark.parametrize("operator", ["ADD", "SUB", "MUL"])
def test_int32_wraps(operator):
    draw = draw_for(0, 34)
    writer = GraphWriter()
    a, b, y = (writer.tensor((2, 8), "int32") for _ in range(3))
    writer.operator(operator, [a, b], [y])
    numbers = draw.rng.integers(-(1 << 31), 1 << 31, (2, 2, 8)).astype(np.int32)
    feeds = {a: numbers[0], b: numbers[1]}
    with np.errstate(over="ignore"):
        function = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply}[operator]
        np.testing.assert_array_equal(writer.evaluate(feeds)[y], function(*numbers))


def test_parameters_of_equal_scales():
    """Equal scales: each input is halved, the sum is scaled by 2^-19."""
    q = Quantization((0.5,), (3,))
    p = add_parameters(q, q, q)
    assert (p.left_shift, p.input1_multiplier, p.input1_shift) == (20, 1 << 30, 0)
    assert (p.output_multiplier, p.output_shift) == (1 << 30, -18)


def test_output_scale_that_the_reference_aborts_on_is_refused():
    big, small = Quantization((1.0,), (0,)), Quantization((2.0**-20,), (0,))
    with pytest.raises(UnsupportedOperator, match="output's scale"):
        add_parameters(big, big, small)


def test_shapes_that_do_not_broadcast_are_refused():
    q = Quantization((1.0,), (0,))
    writer, a, b, _ = graph("ADD", ((2, 3), (2, 3)), (q, q, q), "NONE")
    object.__setattr__(writer.values[b], "shape", (2, 2))
    with pytest.raises(UnsupportedOperator, match="don't broadcast"):
        writer.evaluate({a: np.zeros((2, 3), np.int8), b: np.zeros((2, 2), np.int8)})
