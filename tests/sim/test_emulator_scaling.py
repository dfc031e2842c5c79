# SPDX-License-Identifier: Apache-2.0
"""Scaling at the ends of its ranges against the pseudo-code."""

import itertools
import random

import numpy as np
import pytest

from dpu_sim.emulator.scaling import Scales, unpack_scales
from dpu_sim.emulator.scaling import scale as fast
from dpu_spec.isa import MODE_DIVIDE, MODE_TFLITE
from tests.sim.naive_machine import scale

INT32 = [-(2**31), -(2**31) + 1, -(2**30), -1, 0, 1, 255, 2**30, 2**31 - 2, 2**31 - 1]
# The sum of two table entries.
SUMS = [-(2**32), *INT32, 2**32 - 2]
MULTIPLIERS = [0, 1, 2**30, 2**30 + 1, 2**31 - 1]
SHIFTS = [-31, -30, -1, 0, 1]


@pytest.mark.parametrize("mode", [MODE_TFLITE, MODE_DIVIDE])
def test_ends_of_the_ranges(mode):
    rng = random.Random(3)
    acc = np.array(SUMS + [rng.randint(-(2**31), 2**31 - 1) for _ in range(50)], np.int64)
    for bias, multiplier, shift in itertools.product(INT32, MULTIPLIERS, SHIFTS):
        given = fast(mode, acc, Scales(*(np.array(v, np.int64) for v in (bias, multiplier, shift))))
        expected = [scale(mode, a, bias, multiplier, shift) for a in acc.tolist()]
        assert given.tolist() == expected, (bias, multiplier, shift)


def test_each_channel_has_its_own():
    rng = random.Random(4)
    print("seed 4")
    acc = [[rng.randint(-(2**31), 2**31 - 1) for _ in range(8)] for _ in range(50)]
    bias, multiplier = ([rng.randint(low, 2**31 - 1) for _ in range(8)] for low in (-(2**31), 0))
    shift = [rng.randint(-31, 1) for _ in range(8)]
    scales = Scales(*(np.array(v, np.int64) for v in (bias, multiplier, shift)))
    given = fast(MODE_TFLITE, np.array(acc, np.int64), scales)
    for row, values in zip(given.tolist(), acc, strict=True):
        parts = zip(values, bias, multiplier, shift, strict=True)
        assert row == [scale(MODE_TFLITE, *part) for part in parts]


def test_scales_of_two_blocks():
    words = np.zeros((2, 9, 4), np.int8)
    for block in range(2):
        bias = np.array([-5, 2**31 - 1, 7, -(2**31)], "<i4")
        words[block, :4] = bias.view(np.int8).reshape(4, 4)
        words[block, 4:8] = np.arange(4, dtype="<i4").view(np.int8).reshape(4, 4) * (block + 1)
        words[block, 8] = [1, 0, -31, block]
    scales = unpack_scales(words)
    assert scales.bias.tolist() == [-5, 2**31 - 1, 7, -(2**31)] * 2
    assert scales.multiplier.tolist() == [0, 1, 2, 3, 0, 2, 4, 6]
    assert scales.shift.tolist() == [1, 0, -31, 0, 1, 0, -31, 1]
