# SPDX-License-Identifier: Apache-2.0
"""Integer scaling against a plain transcription of the C semantics, number by number."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpu_golden import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
)
from dpu_golden.fixed_point import round_half_away
from dpu_golden.matmul import exact_matmul, product_dtype

INT32 = st.integers(-(1 << 31), (1 << 31) - 1)
EDGES = [0, 1, -1, 1 << 30, -(1 << 30), (1 << 31) - 1, -(1 << 31), 1 - (1 << 31)]


def to_int32(x):
    return (x + (1 << 31)) % (1 << 32) - (1 << 31)


def truncating_divide(a, b):
    return abs(a) // b if a >= 0 else -(abs(a) // b)


def c_high_mul(a, b):
    if a == b == -(1 << 31):
        return (1 << 31) - 1
    product = a * b
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    return truncating_divide(product + nudge, 1 << 31)


def c_divide(x, exponent):
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def c_scale(x, multiplier, shift):
    left, right = max(shift, 0), max(-shift, 0)
    return c_divide(c_high_mul(to_int32(x << left), multiplier), right)


@given(st.one_of(INT32, st.sampled_from(EDGES)), st.one_of(INT32, st.sampled_from(EDGES)))
def test_high_mul(a, b):
    assert rounding_doubling_high_mul(a, b) == c_high_mul(a, b)


@given(st.one_of(INT32, st.sampled_from(EDGES)), st.integers(0, 31))
def test_divide_by_power_of_two(x, exponent):
    result = int(rounding_divide_by_pot(x, exponent))
    assert result == c_divide(x, exponent)
    # Nearest, and away from zero on ties.
    assert result == (1 if x >= 0 else -1) * ((abs(x) + (1 << exponent) // 2) >> exponent)


@pytest.mark.parametrize("exponent", range(1, 31))
def test_ties_round_away_from_zero(exponent):
    below = np.array([0, 1, 2, 3, (1 << 31 - exponent) - 1]) % (1 << 31 - exponent)
    ties = (2 * below + 1) << exponent - 1
    np.testing.assert_array_equal(rounding_divide_by_pot(ties, exponent), below + 1)
    np.testing.assert_array_equal(rounding_divide_by_pot(-ties, exponent), -below - 1)


@given(
    st.lists(st.one_of(INT32, st.sampled_from(EDGES)), min_size=1, max_size=8),
    st.integers(1 << 30, (1 << 31) - 1),
    st.integers(-31, 12),
)
def test_scale(numbers, multiplier, shift):
    result = multiply_by_quantized_multiplier(np.array(numbers), multiplier, shift)
    assert result.tolist() == [c_scale(x, multiplier, shift) for x in numbers]


@given(
    st.lists(st.tuples(INT32, st.integers(1 << 30, (1 << 31) - 1), st.integers(-31, 4)), min_size=1)
)
def test_requantize_by_channel(channels):
    acc, multiplier, shift = (np.array(column) for column in zip(*channels, strict=True))
    result = requantize(np.stack([acc, acc]), multiplier, shift, 5, -100, 90)
    expected = [min(max(to_int32(c_scale(a, m, s) + 5), -100), 90) for a, m, s in channels]
    assert result.dtype == np.int8
    assert result.tolist() == [expected, expected]


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (0.75, (3 << 29, 0)),
        (1.0 - 2.0**-53, (1 << 30, 1)),  # the fraction rounds up to 1
        (1.0 - 2.0**-31, ((1 << 31) - 1, 0)),
        (2.0**-32, (1 << 30, -31)),
        (2.0**-32 * (1 - 2.0**-40), (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (256.0, (1 << 30, 9)),
        (-0.5, (-(1 << 30), 0)),
    ],
)
def test_quantize_multiplier(real, expected):
    assert quantize_multiplier(real) == expected


@given(st.floats(2.0**-31, 2.0**20))
def test_quantize_multiplier_is_close(real):
    multiplier, shift = quantize_multiplier(real)
    assert 1 << 30 <= multiplier < 1 << 31
    assert math.isclose(multiplier * 2.0 ** (shift - 31), real, rel_tol=2.0**-31)


def test_round_half_away():
    below_half = math.nextafter(0.5, 0)
    numbers = [0.5, 1.5, 2.5, -0.5, -1.5, below_half, -below_half, 2.4, -2.6]
    assert [round_half_away(x) for x in numbers] == [1, 2, 3, -1, -2, 0, 0, 2, -3]


@pytest.mark.parametrize("reduction", [1, 513, 514, 515, 5000])
def test_products_are_exact(reduction):
    """The longest reduction that float32 may sum, and the worst numbers that can be in it."""
    rng = np.random.default_rng(reduction)
    a = rng.choice([-255, -254, 255], (4, reduction))
    b = rng.choice([-128, -127, 127], (reduction, 5))
    a[0], b[:, 0] = -255, -128
    dtype = product_dtype(reduction)
    assert dtype == (np.float32 if reduction <= 514 else np.float64)
    np.testing.assert_array_equal(exact_matmul(a.astype(dtype), b.astype(dtype)), a @ b)
