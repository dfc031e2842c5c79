# SPDX-License-Identifier: Apache-2.0
"""Functions of one number, on all 256 stored numbers, against the reference runtime."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator, Value, table
from tests.golden.harness import check, draw_for, float32
from tests.support.tflite_writer import GraphWriter

NUMBERS = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)


def graph(operator, input, output, attributes=None):
    writer = GraphWriter()
    x = writer.tensor(NUMBERS.shape, "int8", input)
    y = writer.tensor(NUMBERS.shape, "int8", output)
    writer.operator(operator, [x], [y], attributes)
    return writer, {x: NUMBERS}, [y]


def check_table(operator, input, output, attributes=None):
    """The reference runtime agrees, and so do the operator and its table."""
    writer, feeds, outputs = graph(operator, input, output, attributes)
    check(writer, feeds, outputs)
    whole = table(operator, writer.values[0], writer.values[1], attributes if attributes else {})
    np.testing.assert_array_equal(whole, writer.evaluate(feeds)[outputs[0]].reshape(-1))


@pytest.mark.parametrize("seed", range(80))
def test_logistic(seed):
    draw = draw_for(seed, 61)
    check_table("LOGISTIC", draw.quantization(-12, 2), Quantization((1 / 256,), (-128,)))


@pytest.mark.parametrize("seed", range(80))
def test_tanh(seed):
    draw = draw_for(seed, 62)
    check_table("TANH", draw.quantization(-12, 2), Quantization((1 / 128,), (0,)))


@pytest.mark.parametrize("seed", range(150))
def test_hard_swish(seed):
    draw = draw_for(seed, 63)
    input = draw.quantization(-10, 2)
    # The output's scale is at least 2^-7 of the input's.
    output = float32(input.scale0 * draw.factor(-6.9, 5))
    check_table("HARD_SWISH", input, Quantization((output,), (draw.zero_point(),)))


@pytest.mark.parametrize("exponent", range(-9, 5))
def test_hard_swish_of_factors_just_below_powers_of_two(exponent):
    """Multipliers whose upper half would round up to 2^15."""
    below = float(np.nextafter(np.float32(1), np.float32(0)))
    for scale in (below, 0.75 * below):
        for zero_point in (-128, -20, 90):
            input = Quantization((float32(scale * 2.0**exponent),), (zero_point,))
            for places in (-3, 0, 1, 3, 4):
                output = Quantization((2.0 ** (exponent + places),), (3,))
                check_table("HARD_SWISH", input, output)


@pytest.mark.parametrize("seed", range(100))
def test_relu(seed):
    draw = draw_for(seed, 64)
    input = draw.quantization()
    output = float32(input.scale0 * draw.one((draw.factor(-8, 8), 1.0)))
    check_table("RELU", input, Quantization((output,), (draw.zero_point(),)))


@pytest.mark.parametrize("seed", range(40))
def test_relu6(seed):
    quantization = draw_for(seed, 65).quantization(-9, 3)
    check_table("RELU6", quantization, quantization)


@pytest.mark.parametrize("seed", range(80))
def test_leaky_relu(seed):
    draw = draw_for(seed, 66)
    input = draw.quantization()
    output = float32(input.scale0 * draw.factor(-4, 4))
    alpha = draw.one((0.0, 0.01, 0.1, 0.3, 0.5, 1.0, 1.7, float(draw.rng.random())))
    check_table(
        "LEAKY_RELU", input, Quantization((output,), (draw.zero_point(),)), {"alpha": alpha}
    )


@pytest.mark.parametrize("seed", range(80))
def test_rescaling_quantize(seed):
    draw = draw_for(seed, 67)
    input = draw.quantization()
    output = float32(input.scale0 * draw.one((draw.factor(-8, 8), 1.0)))
    check_table("QUANTIZE", input, Quantization((output,), (draw.zero_point(),)))


@pytest.mark.parametrize(
    ("operator", "output", "reason"),
    [
        ("LOGISTIC", Quantization((1 / 256,), (0,)), "zero point must be -128"),
        ("TANH", Quantization((1 / 128,), (-1,)), "zero point must be 0"),
        ("HARD_SWISH", Quantization((2.0**-12,), (0,)), "scale is too small"),
        ("RELU6", Quantization((0.25,), (0,)), "different quantizations"),
        ("ADD", Quantization((0.25,), (0,)), "no function of one number"),
    ],
)
def test_refused(operator, output, reason):
    input = Value((1,), "int8", Quantization((0.5,), (0,)))
    with pytest.raises(UnsupportedOperator, match=reason):
        table(operator, input, Value((1,), "int8", output), {})
