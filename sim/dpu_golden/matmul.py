# SPDX-License-Identifier: Apache-2.0
"""Exact integer matrix products by floating-point BLAS."""

import numpy as np

from .call import Array
from .fixed_point import Int64s

# The largest magnitude of (x - zero point) * w for int8 x and w.
LARGEST_PRODUCT = 255 * 128


def product_dtype(reduction: int) -> type[np.float32] | type[np.float64]:
    """A floating-point type in which every partial sum of such a reduction is an exact integer."""
    return np.float32 if reduction * LARGEST_PRODUCT <= 1 << 24 else np.float64


def exact_matmul(a: Array, b: Array) -> Int64s:
    """The product of two matrices of the type of ``product_dtype``, as integers.

    However the sums are ordered or fused, no partial sum leaves the range in which the type holds
    every integer, so that the result is exact.
    """
    return (a @ b).astype(np.int64)
