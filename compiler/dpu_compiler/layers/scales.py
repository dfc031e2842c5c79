# SPDX-License-Identifier: Apache-2.0
"""Scales of channel blocks as the requantizers read them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


def pad_channels(values: Integers, count: int) -> Integers:
    """Return the values followed by zeros for padding channels."""
    result = np.zeros(count, np.int64)
    result[: len(values)] = values
    return result


def scale_block(bias: Integers, multiplier: Integers, shift: Integers) -> bytes:
    """Return the nine words of a block: bias and multiplier (int32 a lane), shift (int8 a lane)."""
    return b"".join(
        (
            bias.astype(np.int64).astype("<i4").tobytes(),
            multiplier.astype("<u4").tobytes(),
            shift.astype(np.int8).tobytes(),
        )
    )


def fold_zero_point(bias: Integers, zero_point: int, weight_sums: Integers) -> Integers:
    """Return the bias less the input's zero point times each channel's weights, wrapped to int32.

    Activations are multiplied as they are: sum (x - z) w + b = sum x w + (b - z sum w).
    """
    folded = bias - zero_point * weight_sums
    return ((folded + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
