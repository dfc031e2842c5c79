# SPDX-License-Identifier: Apache-2.0
"""Between real values and a tensor's stored ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import dpu_golden
from dpu_host.operators import value
from dpu_spec.program import Tensor

Array = npt.NDArray[Any]


def quantize(real: Array, tensor: Tensor) -> tuple[Array, int]:
    """Quantize real values of the tensor's shape; return also how many were out of its range."""
    source = dpu_golden.Value(tensor.shape, "float32", None)
    scale, zero_point = tensor.scale[0], tensor.zero_point[0]
    # What is out of range is clamped here, since QUANTIZE makes -128 of all that exceeds an int32.
    low, high = scale * (-129 - zero_point), scale * (128 - zero_point)
    wide = real.astype(np.result_type(real.dtype, np.float64)).reshape(tensor.shape)
    values = np.clip(wide, low, high).astype(np.float32)
    (stored,) = dpu_golden.evaluate("QUANTIZE", [values], [source], [value(tensor)], {})
    quotient = values.astype(np.float64) / scale + zero_point
    outside = int(((quotient < -128.5) | (quotient >= 127.5)).sum())
    return stored, outside


def as_floats(real: Array, dtype: np.dtype[Any]) -> Array:
    """Return real values in a floating-point type; what exceeds it becomes its largest."""
    limit = np.finfo(dtype).max
    wide = real.astype(np.result_type(real.dtype, dtype))
    return np.ascontiguousarray(np.clip(wide, -limit, limit), dtype)


def real_values(stored: Array, tensor: Tensor) -> Array:
    """Return what stored values mean."""
    if not tensor.scale:
        return stored.astype(np.float64)
    return (stored.astype(np.float64) - tensor.zero_point[0]) * tensor.scale[0]
