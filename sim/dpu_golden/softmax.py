# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX int8 to int8 over the last axis (TFLite's reference/softmax.h)."""

import numpy as np

from .call import Array, Call
from .fixed_point import (
    INT32_MAX,
    Int64s,
    quantize_multiplier,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
    wrap32,
)
from .transcendental import exp_on_negative_values, one_over_one_plus_x

# The scaled difference to the row's maximum has 5 integer bits, the sum of exponentials 12.
_DIFFERENCE_BITS = 5
_SUM_BITS = 12


def _exponentials(call: Call) -> tuple[Int64s, int]:
    """exp(-beta s_x d) for d = 0 .. 255 in 0 integer bits, and how many of them count at all."""
    real = call.number("beta", 1.0) * call.quantization(0).scale0 * (1 << (31 - _DIFFERENCE_BITS))
    real = min(real, float(INT32_MAX))
    if real <= 1.0:
        raise call.fail("Its beta times its input's scale is too small for the reference runtime.")
    multiplier, shift = quantize_multiplier(real)
    # The largest difference whose scaled value still fits; beyond it the result is taken as 0.
    radius = int(((1 << _DIFFERENCE_BITS) - 1) * (1 << (31 - _DIFFERENCE_BITS)) / (1 << shift))
    difference = -np.arange(256, dtype=np.int64)
    scaled = rounding_doubling_high_mul(wrap32(difference << shift), multiplier)
    return exp_on_negative_values(scaled, _DIFFERENCE_BITS), min(radius, 255) + 1


def softmax(call: Call) -> list[Array]:
    """SOFTMAX: ``exp(x - max) / sum`` in fixed point; the output is s = 1/256, z = -128.

    Where 512 or more elements share the maximum the reference runtime aborts; here the same
    formula goes on.
    """
    call.require_int8(0)
    output = call.output_quantization
    if output.zero_point0 != -128 or output.scale0 != 1.0 / 256:
        raise call.fail("The output's quantization must be scale 1/256 and zero point -128.")
    x = call.array(0).astype(np.int64)
    if not x.ndim:
        raise call.fail("The input must have an axis.")
    exponentials, counted = _exponentials(call)
    difference = x.max(axis=-1, keepdims=True) - x
    exponential = exponentials[difference]
    counts = difference < counted

    terms = rounding_divide_by_pot(exponential, _SUM_BITS)
    total = np.where(counts, terms, 0).sum(axis=-1, keepdims=True)
    # Normalize the sum to [1, 2): its leading bit goes to bit 31. frexp is exact here.
    headroom = 32 - np.frexp(total.astype(np.float64))[1].astype(np.int64)
    reciprocal = one_over_one_plus_x((total << headroom) - (1 << 31))
    exponent = _SUM_BITS - headroom + 31 - 8
    result = rounding_divide_by_pot(rounding_doubling_high_mul(reciprocal, exponential), exponent)
    result = np.where(counts, np.clip(result - 128, -128, 127), -128)
    return call.shaped(result.astype(np.int8))
