# SPDX-License-Identifier: Apache-2.0
"""From int32 sums to int8: the scaling modes and the scales in parameter buffers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from dpu_golden import multiply_by_quantized_multiplier
from dpu_spec.isa import MODE_DIVIDE, MODE_TFLITE

from .access import Access
from .address import Values
from .races import Int64s


@dataclasses.dataclass(frozen=True)
class Scales:
    """Bias, multiplier and shift: numbers, or one a channel of the last axis."""

    bias: Int64s
    multiplier: Int64s
    shift: Int64s


def unpack_scales(words: npt.NDArray[np.int8]) -> Scales:
    """Read the nine words of each block, [block, word, lane], as scales of block x lane channels.

    Four words hold the little-endian int32 of all lanes, lane 0 first.
    """
    blocks, _, lanes = words.shape

    def int32s(first: int) -> Int64s:
        part = np.ascontiguousarray(words[:, first : first + 4]).reshape(blocks, 4 * lanes)
        return part.view("<i4").reshape(-1).astype(np.int64)

    return Scales(int32s(0), int32s(4), words[:, 8].reshape(-1).astype(np.int64))


def check_scales(access: Access, scales: Scales) -> None:
    """Check that multipliers and shifts are those of the contract."""
    access.require(bool(np.all(scales.multiplier >= 0)), "a multiplier has more than 31 bits.")
    access.require(
        bool(np.all((scales.shift >= -31) & (scales.shift <= 1))),
        "a shift is not from -31 to 1.",
    )


def scale(mode: int, acc: Int64s, scales: Scales) -> Int64s:
    """Scale sums as the instruction set's ``scale`` does."""
    if mode == MODE_TFLITE:
        wrapped = (acc + scales.bias).astype(np.int32)
        return multiply_by_quantized_multiplier(wrapped, scales.multiplier, scales.shift)
    total = np.abs(acc) + scales.bias
    right = 31 + np.maximum(-scales.shift, 0)
    # A sum of two table entries has 33 bits, so that the product may need all of 64.
    if np.all(total >= 0):
        product = total.astype(np.uint64) * scales.multiplier.astype(np.uint64)
        quotient = (product >> right.astype(np.uint64)).astype(np.int64)
    else:
        quotient = (total * scales.multiplier) >> right
    return np.where(acc < 0, -quotient, quotient)


def requantize(access: Access, v: Values, acc: Int64s, scales: Scales) -> npt.NDArray[np.int8]:
    """Scale sums, add the zero point and clamp, by an instruction's fields."""
    access.require(v["mode"] in (MODE_TFLITE, MODE_DIVIDE), f"mode {v['mode']} is not defined.")
    check_scales(access, scales)
    return clamp(access, v, scale(v["mode"], acc, scales) + v["out_zero_point"])


def clamp(access: Access, v: Values, values: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Clamp to the instruction's range."""
    access.require(v["minimum"] <= v["maximum"], "minimum is greater than maximum.")
    return np.asarray(np.clip(values, v["minimum"], v["maximum"]), np.int8)
