# SPDX-License-Identifier: Apache-2.0
"""The conv engine: systolic array, accumulators and drain."""

from dpu_hw.conv.engine import ConvEngine

__all__ = ["ConvEngine"]
