# SPDX-License-Identifier: Apache-2.0
"""Activation ranges, padding and descriptions."""

import numpy as np
import pytest

from dpu_golden import (
    Quantization,
    UnsupportedOperator,
    Value,
    activation_range,
    conv_multipliers,
    evaluate,
    mean_parameters,
    quantize_multiplier,
    same_padding,
)
from tests.golden.harness import check, float32
from tests.support.tflite_writer import GraphWriter


@pytest.mark.parametrize("activation", ["RELU6", "RELU_N1_TO_1"])
def test_bounds_beside_a_tie(activation):
    """Scales at which the bound lies beside a tie, where the width of the division matters."""
    bound = 6.0 if activation == "RELU6" else 1.0
    writer = GraphWriter()
    x = writer.tensor((1, 2), "int8", Quantization((16.0,), (0,)))
    ys = []
    for k in range(2, 120):
        middle = np.float32(bound / (k + 0.5))
        for scale in (
            np.nextafter(middle, np.float32(0)),
            middle,
            np.nextafter(middle, np.float32(9)),
        ):
            y = writer.tensor((1, 2), "int8", Quantization((float32(scale),), (-3,)))
            writer.operator("MUL", [x, x], [y], {"activation": activation})
            ys.append(y)
    check(writer, {x: np.array([[127, 0]], np.int8)}, ys)


def test_activation_ranges():
    q = Quantization((0.05,), (-10,))
    assert activation_range("NONE", q) == (-128, 127)
    assert activation_range("RELU", q) == (-10, 127)
    assert activation_range("RELU6", q) == (-10, 110)
    assert activation_range("RELU_N1_TO_1", q) == (-30, 10)
    assert activation_range("RELU", q, "uint8") == (0, 255)
    with pytest.raises(UnsupportedOperator, match="TANH is not supported"):
        activation_range("TANH", q)
    with pytest.raises(UnsupportedOperator, match="doesn't fit in int32"):
        activation_range("RELU6", Quantization((1e-12,), (0,)))


@pytest.mark.parametrize("size", range(1, 20))
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_covers_the_input(size, kernel, stride, dilation):
    effective = (kernel - 1) * dilation + 1
    before, after, out = same_padding(size, kernel, stride, dilation, "SAME")
    assert out == -(-size // stride)
    assert 0 <= after - before <= 1
    # The last window ends at the padding's end, or the padding is none.
    reach = (out - 1) * stride + effective
    assert reach == size + before + after or (before == after == 0 and reach <= size)
    before, after, out = same_padding(size, kernel, stride, dilation, "VALID")
    assert (before, after) == (0, 0)
    assert out == len(range(0, size - effective + 1, stride))


def test_unknown_padding_is_an_error():
    with pytest.raises(ValueError, match="SAME or VALID"):
        same_padding(3, 1, 1, 1, "FULL")


def test_conv_multipliers():
    x, y = (Value((1,), "int8", Quantization((s,), (0,))) for s in (0.5, 2.0))
    weights = Value((2,), "int8", Quantization((0.25, 1.0), (0, 0)))
    multipliers, shifts = conv_multipliers(x, weights, y, 2)
    assert multipliers.tolist() == [1 << 30, 1 << 30]
    assert shifts.tolist() == [-3, -1]
    one = Value((3,), "int8", Quantization((0.25,), (0,)))
    assert conv_multipliers(x, one, y, 3)[1].tolist() == [-3, -3, -3]
    with pytest.raises(UnsupportedOperator, match="2 scales for 3 output channels"):
        conv_multipliers(x, weights, y, 3)


def test_mean_keeps_the_shift_in_range():
    tiny = Quantization((2.0**-29,), (0,)), Quantization((1.0,), (0,))
    multiplier, shift = quantize_multiplier(2.0**-29)
    assert (multiplier, shift) == (1 << 30, -28)
    # 31 + shift is 3, less than log2 of the count.
    assert mean_parameters(*tiny, 49) == ((1 << 33) // 49, -31)


def test_quantization():
    q = Quantization((0.5, 0.25), (1, 2), axis=3)
    assert (q.per_channel, q.scale0, q.zero_point0) == (True, 0.5, 1)
    assert not Quantization((0.5,), (1,)).per_channel
    with pytest.raises(ValueError, match="at least one scale"):
        Quantization((), ())
    with pytest.raises(ValueError, match="2 scales but 3 zero points"):
        Quantization((0.5, 0.25), (0, 0, 0))


def test_unknown_operators_and_mixed_up_arrays():
    value = Value((2,), "int8", Quantization((1.0,), (0,)))
    x = np.zeros(2, np.int8)
    with pytest.raises(UnsupportedOperator, match="The operator CUMSUM is not supported"):
        evaluate("CUMSUM", [x], [value], [value], {})
    with pytest.raises(ValueError, match=r"Input 0 is int8\[3\].*says int8\[2\]"):
        evaluate("RELU", [np.zeros(3, np.int8)], [value], [value], {})
    with pytest.raises(UnsupportedOperator, match="CONV_2D: Input 1 has no description"):
        evaluate("CONV_2D", [x], [value], [value], {})
    with pytest.raises(UnsupportedOperator, match="output of RELU has no quantization"):
        evaluate("RELU", [x], [value], [Value((2,), "int8", None)], {})
