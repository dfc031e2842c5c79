# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE and DEQUANTIZE against the reference runtime (int8 to int8: test_activation)."""

import numpy as np
import pytest

from dpu_golden import Quantization, UnsupportedOperator
from tests.golden.harness import check, draw_for, float32
from tests.support.tflite_writer import GraphWriter


def graph(operator, x, output_dtype, input, output):
    writer = GraphWriter()
    a = writer.tensor(x.shape, x.dtype.name, input)
    y = writer.tensor(x.shape, output_dtype, output)
    writer.operator(operator, [a], [y])
    return writer, {a: x}, [y]


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("seed", range(25))
def test_from_float(dtype, seed):
    draw = draw_for(seed, 81)
    output = draw.quantization()
    steps = draw.rng.uniform(-200, 200, (4, 50))
    steps[1] = np.round(steps[1]) + 0.5  # ties
    steps[2] = np.nextafter(np.float32(np.round(steps[2]) + 0.5), np.float32(0))
    check(*graph("QUANTIZE", (steps * output.scale0).astype(np.float32), dtype, None, output))


def test_from_extreme_floats():
    """What doesn't fit in int32, infinities and NaN."""
    numbers = [0.0, -0.0, 1e9, -1e9, 2.2e9, -2.2e9, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-40]
    x = np.array(numbers, np.float32).reshape(1, -1)
    for zero_point in (-128, -1, 0, 1, 127):
        output = Quantization((0.5,), (zero_point,))
        writer, feeds, outputs = graph("QUANTIZE", x, "int8", None, output)
        check(writer, feeds, outputs)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("uint8", "int8"),
        ("int8", "uint8"),
        ("int16", "int8"),
        ("int32", "int8"),
        ("int8", "int16"),
        ("int8", "int32"),
        ("int16", "int16"),
        ("int16", "int32"),
        ("int32", "int16"),
    ],
)
@pytest.mark.parametrize("seed", range(8))
def test_between_integers(source, target, seed):
    draw = draw_for(seed, 82)
    info = np.iinfo(source)
    x = draw.rng.integers(info.min, int(info.max) + 1, (3, 100)).astype(source)

    def zero_point(dtype):
        if dtype == "int8":
            return draw.zero_point()
        return draw.one((0, 128, 255)) if dtype == "uint8" else 0

    input = Quantization((draw.scale(),), (zero_point(source),))
    factor = 2.0 ** draw.rng.uniform(-6, 8)
    if draw.chance(0.3):
        factor = 1.0
    output = Quantization((float32(input.scale0 * factor),), (zero_point(target),))
    check(*graph("QUANTIZE", x, target, input, output))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("seed", range(10))
def test_dequantize(dtype, seed):
    draw = draw_for(seed, 83)
    info = np.iinfo(dtype)
    x = draw.rng.integers(info.min, info.max + 1, (3, 100)).astype(dtype)
    zero_point = draw.zero_point() if dtype == "int8" else 0
    input = Quantization((draw.scale(-20, 10),), (zero_point,))
    check(*graph("DEQUANTIZE", x, "float32", input, None))


def test_bool_is_refused():
    x = np.zeros((1, 2), np.bool_)
    writer, feeds, _ = graph("QUANTIZE", x, "int8", None, Quantization((1.0,), (0,)))
    with pytest.raises(UnsupportedOperator, match="The input is bool"):
        writer.evaluate(feeds)
