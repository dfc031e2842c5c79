# SPDX-License-Identifier: Apache-2.0
"""The vector unit: sums, products, windows and tables on words of the scratchpad."""

from dpu_hw.vector.unit import VectorUnit

__all__ = ["VectorUnit"]
