# SPDX-License-Identifier: Apache-2.0
"""exp, logistic, tanh and the reciprocal in gemmlowp's 32-bit fixed point.

A number with k integer bits is ``raw / 2^(31 - k)``. Products are rounding_doubling_high_mul, so
the result of a product has the sum of the factors' integer bits. Every step rounds as in
gemmlowp's fixedpoint.h, which is what makes the results those of the reference runtime.
"""

import numpy as np

from .fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Int64s,
    rounding_divide_by_pot,
    wrap32,
)
from .fixed_point import rounding_doubling_high_mul as product

# Constants in 0 integer bits.
_EXP_MINUS_ONE_EIGHTH = 1895147668
_ONE_THIRD = 715827883
# exp(-2^e) for e = -2 .. 4.
_EXP_MINUS_POWER = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
# Constants in 2 integer bits.
_48_OVER_17 = 1515870810
_MINUS_32_OVER_17 = -1010580540
_ONE_IN_2 = 1 << 29


def shift_left_saturating(x: Int64s, places: int) -> Int64s:
    """x * 2^places within int32."""
    shifted: Int64s = np.clip(x << places, INT32_MIN, INT32_MAX)
    return shifted


def _exp_on_last_quarter(a: Int64s) -> Int64s:
    """exp on [-1/4, 0), 0 integer bits: a fourth-order Taylor series around -1/8."""
    x = a + (1 << 28)
    x2 = product(x, x)
    x3 = product(x2, x)
    x4_over_4 = rounding_divide_by_pot(product(x2, x2), 2)
    tail = rounding_divide_by_pot(product(x4_over_4 + x3, _ONE_THIRD) + x2, 1)
    return wrap32(_EXP_MINUS_ONE_EIGHTH + product(_EXP_MINUS_ONE_EIGHTH, x + tail))


def exp_on_negative_values(a: Int64s, integer_bits: int) -> Int64s:
    """exp of numbers <= 0 with up to 5 integer bits, in 0 integer bits.

    The argument is a last quarter, by the series, plus powers of two, by a table.
    """
    fractional_bits = 31 - integer_bits
    quarter = 1 << (fractional_bits - 2)
    last_quarter = (a & (quarter - 1)) - quarter
    result = _exp_on_last_quarter(shift_left_saturating(last_quarter, integer_bits))
    remainder = last_quarter - a
    for exponent, factor in _EXP_MINUS_POWER.items():
        if exponent < integer_bits:
            bit = (remainder >> (fractional_bits + exponent)) & 1
            result = np.where(bit == 1, product(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


def _newton(a: Int64s) -> Int64s:
    """2 / (1 + a) for a in [0, 1), 0 integer bits in, 2 out: three Newton-Raphson steps."""
    # Half the denominator, (1 + a) / 2, rounded away from zero; it is never negative.
    half = (a + INT32_MAX + 1) >> 1
    x = wrap32(_48_OVER_17 + product(half, _MINUS_32_OVER_17))
    for _ in range(3):
        error = wrap32(_ONE_IN_2 - product(half, x))
        x = wrap32(x + shift_left_saturating(product(x, error), 2))
    return x


def one_over_one_plus_x(a: Int64s) -> Int64s:
    """1 / (1 + a) for a in [0, 1), 0 integer bits."""
    return shift_left_saturating(_newton(a), 1)


def logistic(a: Int64s, integer_bits: int) -> Int64s:
    """1 / (1 + exp(-a)), in 0 integer bits."""
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, INT32_MAX - positive))


def tanh(a: Int64s, integer_bits: int) -> Int64s:
    """The hyperbolic tangent, in 0 integer bits: (1 - e) / (1 + e) with e = exp(-2 |a|)."""
    # The doubled argument is the same raw number with one more integer bit.
    e = exp_on_negative_values(-np.abs(a), integer_bits + 1)
    magnitude = shift_left_saturating(wrap32(_newton(e) - _ONE_IN_2), 2)
    return np.where(a == 0, 0, np.where(a < 0, -magnitude, magnitude))
