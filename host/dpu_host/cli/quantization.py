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
    values = real.astype(np.float32).reshape(tensor.shape)
    (stored,) = dpu_golden.evaluate("QUANTIZE", [values], [source], [value(tensor)], {})
    quotient = values.astype(np.float64) / tensor.scale[0] + tensor.zero_point[0]
    outside = int(((quotient < -128.5) | (quotient >= 127.5)).sum())
    return stored, outside


def real_values(stored: Array, tensor: Tensor) -> Array:
    """Return what stored values mean."""
    if not tensor.scale:
        return stored.astype(np.float64)
    return (stored.astype(np.float64) - tensor.zero_point[0]) * tensor.scale[0]
