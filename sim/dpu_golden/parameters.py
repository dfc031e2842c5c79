# SPDX-License-Identifier: Apache-2.0
"""Integer parameters that operators derive from the scales of their tensors.

A compiler computes the very same numbers, so these functions are part of the interface.
"""

from dataclasses import dataclass

import numpy as np

from .errors import UnsupportedOperator
from .fixed_point import INT32_MAX, INT32_MIN, Int64s, quantize_multiplier, round_half_away
from .quantization import Quantization
from .value import Value, quantization_of

ADD_LEFT_SHIFT = 20


def dtype_range(dtype: str) -> tuple[int, int]:
    """The smallest and the largest number of an integer type."""
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def quantize_float(real: float, quantization: Quantization) -> int:
    """zero_point + round_half_away(real / scale), the quotient in float32, not clamped."""
    quotient = np.float32(real) / np.float32(quantization.scale0)
    rounded = round_half_away(float(quotient))
    if not INT32_MIN <= rounded <= INT32_MAX:
        raise UnsupportedOperator(
            f"The bound {real} of an activation doesn't fit in int32 at the scale "
            f"{quantization.scale0}."
        )
    return quantization.zero_point0 + rounded


def activation_range(activation: str, output: Quantization, dtype: str = "int8") -> tuple[int, int]:
    """The clamp of a fused activation (TFLite's CalculateActivationRangeQuantized)."""
    lowest, highest = dtype_range(dtype)
    if activation == "NONE":
        return lowest, highest
    if activation == "RELU":
        return max(lowest, quantize_float(0.0, output)), highest
    if activation == "RELU6":
        return (
            max(lowest, quantize_float(0.0, output)),
            min(highest, quantize_float(6.0, output)),
        )
    if activation == "RELU_N1_TO_1":
        return (
            max(lowest, quantize_float(-1.0, output)),
            min(highest, quantize_float(1.0, output)),
        )
    raise UnsupportedOperator(
        f"The fused activation {activation} is not supported; "
        "only NONE, RELU, RELU6 and RELU_N1_TO_1 are."
    )


def conv_multipliers(
    input: Value, weights: Value, output: Value, channels: int
) -> tuple[Int64s, Int64s]:
    """Multiplier and shift of each output channel of a convolution or fully connected layer.

    ``real = double(s_x) * double(s_w[c]) / double(s_y)``. One scale of the weights stands for all
    channels.
    """
    input_scale = quantization_of(input, "input of a convolution").scale0
    output_scale = quantization_of(output, "output of a convolution").scale0
    scales = quantization_of(weights, "weights of a convolution").scale
    if len(scales) not in (1, channels):
        raise UnsupportedOperator(
            f"The weights have {len(scales)} scales for {channels} output channels."
        )
    pairs = [quantize_multiplier(input_scale * scale / output_scale) for scale in scales]
    pairs = pairs * (channels // len(pairs))
    return (
        np.array([multiplier for multiplier, _ in pairs], np.int64),
        np.array([shift for _, shift in pairs], np.int64),
    )


@dataclass(frozen=True)
class AddParameters:
    """Integers of ADD and SUB: each input is shifted left, scaled, and the sum is scaled again."""

    left_shift: int
    input1_multiplier: int
    input1_shift: int
    input2_multiplier: int
    input2_shift: int
    output_multiplier: int
    output_shift: int


def add_parameters(
    input1: Quantization, input2: Quantization, output: Quantization, operator: str = "ADD"
) -> AddParameters:
    """Parameters of ADD or SUB.

    With ``t = 2 max(s_1, s_2)``: the inputs are scaled by ``s_i / t``, their sum (difference) by
    ``t / (2^20 s_y)``.
    """
    if operator not in ("ADD", "SUB"):
        raise ValueError(f"{operator} has no such parameters; only ADD and SUB have.")
    twice = 2.0 * max(input1.scale0, input2.scale0)  # exact in float32, too
    unit = float(1 << ADD_LEFT_SHIFT) * output.scale0
    reals = [(input1.scale0, twice), (input2.scale0, twice), (twice, unit)]
    factors = [a / b for a, b in reals]
    if factors[2] >= 1.0:
        raise UnsupportedOperator(
            f"{operator}: The output's scale {output.scale0} is too small for the inputs' scales "
            f"{input1.scale0} and {input2.scale0}: the reference runtime aborts."
        )
    pairs = [quantize_multiplier(factor) for factor in factors]
    return AddParameters(ADD_LEFT_SHIFT, *pairs[0], *pairs[1], *pairs[2])


def mul_parameters(
    input1: Quantization, input2: Quantization, output: Quantization
) -> tuple[int, int]:
    """Multiplier and shift of MUL: ``double(s_1) * double(s_2) / double(s_y)``."""
    return quantize_multiplier(input1.scale0 * input2.scale0 / output.scale0)


def mean_parameters(input: Quantization, output: Quantization, count: int) -> tuple[int, int]:
    """Multiplier and shift that turn the sum of ``count`` elements into their mean.

    ``s_x / s_y`` as multiplier m and shift; then, so that 1 / count costs no range,
    ``k = min(floor(log2 count), 32, 31 + shift)``, ``m = floor(m * 2^k / count)``,
    ``shift -= k``.
    """
    multiplier, shift = sum_parameters(input, output)
    extra = min(count.bit_length() - 1, 32, 31 + shift)
    return (multiplier << extra) // count, shift - extra


def sum_parameters(input: Quantization, output: Quantization) -> tuple[int, int]:
    """Multiplier and shift of a plain change of scale: ``double(s_x) / double(s_y)``."""
    return quantize_multiplier(input.scale0 / output.scale0)
