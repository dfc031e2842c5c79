# SPDX-License-Identifier: Apache-2.0
"""Integer scaling as gemmlowp defines it and TFLite uses it: 32-bit, rounded twice.

Everything works on int64 arrays whose elements are int32 values, so that products are exact;
where the C code computes in int32, results are wrapped to it explicitly.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Int8s = npt.NDArray[np.int8]
Int32s = npt.NDArray[np.int32]
Int64s = npt.NDArray[np.int64]
Integers = npt.NDArray[np.integer[Any]] | int

INT32_MIN = -(1 << 31)
INT32_MAX = (1 << 31) - 1


def round_half_away(x: float) -> int:
    """C's ``round``: to the nearest integer, ties away from zero."""
    magnitude = math.floor(abs(x))
    # Compare the remainder instead of adding 0.5: the sum of 0.5 and the double just below it
    # rounds up to 1.
    magnitude += abs(x) - magnitude >= 0.5
    return -magnitude if x < 0 else magnitude


def wrap32(x: Int64s) -> Int64s:
    """Reduce to int32 as two's complement arithmetic does."""
    return x.astype(np.int32).astype(np.int64)


def rounding_doubling_high_mul(a: Integers, b: Integers) -> Int64s:
    """gemmlowp's SaturatingRoundingDoublingHighMul: floor((a b + 2^30) / 2^31), saturated.

    Ties round up. Only a = b = -2^31 saturates.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    high: Int64s = np.minimum((product + (1 << 30)) >> 31, INT32_MAX)
    return high


def rounding_divide_by_pot(x: Integers, exponent: Integers) -> Int64s:
    """gemmlowp's RoundingDivideByPOT: x / 2^exponent, ties away from zero; exponent >= 0."""
    value = np.asarray(x, np.int64)
    places = np.asarray(exponent, np.int64)
    mask = (np.int64(1) << places) - 1
    threshold = (mask >> 1) + (value < 0)
    quotient: Int64s = (value >> places) + ((value & mask) > threshold)
    return quotient


def multiply_by_quantized_multiplier(x: Integers, multiplier: Integers, shift: Integers) -> Int64s:
    """TFLite's MultiplyByQuantizedMultiplier, double rounding: x * multiplier * 2^(shift - 31).

    ``a = wrap32(x << max(shift, 0))``; ``h = SRDHM(a, multiplier)``;
    ``RoundingDivideByPOT(h, max(-shift, 0))``. Arguments broadcast, so that multiplier and shift
    may be one a channel.
    """
    value = np.asarray(x, np.int64)
    shifts = np.asarray(shift, np.int64)
    if np.any(shifts > 0):
        # The shift left is an int32 product in C and loses what leaves the 32 bits.
        value = wrap32(value << np.maximum(shifts, 0))
    high = rounding_doubling_high_mul(value, multiplier)
    return rounding_divide_by_pot(high, np.maximum(-shifts, 0))


def quantize_multiplier(real: float) -> tuple[int, int]:
    """TFLite's QuantizeMultiplier: a 31-bit m and a shift with real = m * 2^(shift - 31).

    ``(q, shift) = frexp(real)``, ``m = round_half_away(q * 2^31)``. Factors below 2^-32 become
    zero, so that the shift stays within -31 .. 31.
    """
    if real == 0.0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return multiplier, shift


def requantize(
    acc: Integers,
    multiplier: Integers,
    shift: Integers,
    zero_point: int,
    minimum: int,
    maximum: int,
) -> Int8s:
    """int32 accumulators to int8: scale, add the output's zero point, clamp.

    Multiplier and shift are numbers, or arrays with one element a channel of the last axis.
    """
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift)
    return np.clip(wrap32(scaled + zero_point), minimum, maximum).astype(np.int8)
