# SPDX-License-Identifier: Apache-2.0
"""Functions of one int8 number: RELU, RELU6, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH.

Each is given for an array of stored numbers; ``operator.table`` evaluates them on all 256.
"""

import math

import numpy as np

from .call import Call
from .fixed_point import (
    INT32_MAX,
    Int8s,
    Int64s,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
    round_half_away,
    rounding_divide_by_pot,
    wrap32,
)
from .parameters import activation_range
from .transcendental import logistic as fixed_logistic
from .transcendental import tanh as fixed_tanh

# Integer bits of the argument of LOGISTIC and TANH.
_ARGUMENT_BITS = 4


def _ratio(call: Call, factor: float = 1.0) -> float:
    return call.quantization(0).scale0 * factor / call.output_quantization.scale0


def relu(call: Call, x: Int64s) -> Int8s:
    """RELU: ``clamp(scale(x - z_x, m, shift) + z_y, z_y, 127)``, m from s_x / s_y."""
    output = call.output_quantization
    multiplier, shift = quantize_multiplier(_ratio(call))
    low, high = activation_range("RELU", output)
    centred = x - call.quantization(0).zero_point0
    return requantize(centred, multiplier, shift, output.zero_point0, low, high)


def relu6(call: Call, x: Int64s) -> Int8s:
    """RELU6: a clamp of the stored number to the input's 0 and 6; nothing is rescaled.

    The reference runtime ignores the output's quantization, so it must be the input's.
    """
    input = call.quantization(0)
    if input != call.output_quantization:
        raise call.fail("Input and output have different quantizations.")
    six = round_half_away(float(np.float32(6.0) / np.float32(input.scale0))) + input.zero_point0
    return np.clip(x, input.zero_point0, six).astype(np.int8)


def leaky_relu(call: Call, x: Int64s) -> Int8s:
    """LEAKY_RELU: scaled by s_x / s_y above the zero point and by s_x alpha / s_y below it."""
    output = call.output_quantization
    alpha = call.number("alpha", 0.0)
    if alpha < 0:
        raise call.fail(f"Its alpha is {alpha}; it must not be negative.")
    above = quantize_multiplier(_ratio(call))
    below = quantize_multiplier(_ratio(call, alpha))
    centred = x - call.quantization(0).zero_point0
    scaled = np.where(
        centred >= 0,
        multiply_by_quantized_multiplier(centred, *above),
        multiply_by_quantized_multiplier(centred, *below),
    )
    return np.clip(wrap32(scaled + output.zero_point0), -128, 127).astype(np.int8)


def _argument(call: Call, x: Int64s) -> tuple[Int64s, Int64s, int]:
    """x - z_x, the same in fixed point with 4 integer bits, and where that saturates."""
    input = call.quantization(0)
    unit = 31 - _ARGUMENT_BITS
    fraction, shift = math.frexp(input.scale0 * (1 << unit))
    if not 0 <= shift <= 31:
        raise call.fail(f"The input's scale {input.scale0} is out of range.")
    multiplier = round_half_away(fraction * (1 << 31))
    radius = (((1 << _ARGUMENT_BITS) - 1) << unit) >> shift
    centred = x - input.zero_point0
    # Numbers outside the radius are saturated by the caller; keep them from wrapping here.
    inside = np.clip(centred, -max(radius - 1, 0), max(radius - 1, 0))
    return centred, multiply_by_quantized_multiplier(inside, multiplier, shift), radius


def _saturated(centred: Int64s, radius: int, result: Int64s) -> Int8s:
    inside = np.clip(result, -128, 127)
    return np.where(centred <= -radius, -128, np.where(centred >= radius, 127, inside)).astype(
        np.int8
    )


def logistic(call: Call, x: Int64s) -> Int8s:
    """LOGISTIC (TFLite's integer_ops/logistic.h); the output is s = 1/256, z = -128."""
    if call.output_quantization.zero_point0 != -128:
        raise call.fail("The output's zero point must be -128.")
    centred, argument, radius = _argument(call, x)
    result = rounding_divide_by_pot(fixed_logistic(argument, _ARGUMENT_BITS), 31 - 8) - 128
    return _saturated(centred, radius, result)


def tanh(call: Call, x: Int64s) -> Int8s:
    """TANH (TFLite's integer_ops/tanh.h); the output is s = 1/128, z = 0."""
    if call.output_quantization.zero_point0 != 0:
        raise call.fail("The output's zero point must be 0.")
    centred, argument, radius = _argument(call, x)
    result = rounding_divide_by_pot(fixed_tanh(argument, _ARGUMENT_BITS), 31 - 7)
    return _saturated(centred, radius, result)


def _to_int16_multiplier(multiplier: int) -> int:
    """The upper half of a 31-bit multiplier, rounded."""
    if multiplier >= INT32_MAX - (1 << 15):
        return (1 << 15) - 1
    return (multiplier + (1 << 15)) >> 16


def _rounding_high_mul16(a: Int64s, b: int) -> Int64s:
    """gemmlowp's SaturatingRoundingDoublingHighMul of int16; b is never negative here."""
    return (a * b + (1 << 14)) >> 15


def _shift_left16(x: Int64s, places: int) -> Int64s:
    shifted: Int64s = np.clip(x << places, -(1 << 15), (1 << 15) - 1)
    return shifted


def hard_swish(call: Call, x: Int64s) -> Int8s:
    """HARD_SWISH: x relu6(x + 3) / 6 in 16-bit fixed point (TFLite's reference/hard_swish.h).

    The input, shifted left by 7, is scaled once to the output's scale and once so that 3.0
    becomes 2^15, saturating: half of that, plus 2^14, is relu6(x + 3) / 6 in 15 bits.
    """
    input, output = call.quantization(0), call.output_quantization
    fine = input.scale0 / 128
    out_multiplier, out_exponent = quantize_multiplier(fine / output.scale0)
    gate_multiplier, gate_exponent = quantize_multiplier(fine / (3.0 / 32768))
    if out_exponent > 0:
        raise call.fail("The output's scale is too small for the reference runtime.")

    hires = (x - input.zero_point0) << 7
    on_output_scale = _rounding_high_mul16(hires, _to_int16_multiplier(out_multiplier))
    gate = hires
    if gate_exponent > 0:
        # The last place is shifted after the product, where its saturation is the wanted one.
        gate = _shift_left16(gate, gate_exponent - 1)
    gate = _rounding_high_mul16(gate, _to_int16_multiplier(gate_multiplier))
    if gate_exponent > 0:
        gate = _shift_left16(gate, 1)
    elif gate_exponent < 0:
        gate = rounding_divide_by_pot(gate, -gate_exponent)
    gate = (gate + (1 << 15)) >> 1
    # The product is truncated towards zero, not rounded.
    raw = gate * on_output_scale
    truncated = np.sign(raw) * (np.abs(raw) >> 15)
    result = rounding_divide_by_pot(truncated, -out_exponent) + output.zero_point0
    return np.clip(result, -128, 127).astype(np.int8)
