# SPDX-License-Identifier: Apache-2.0
"""The depthwise engine: a 3x3 window on every lane."""

from dpu_hw.depthwise.engine import DepthwiseEngine

__all__ = ["DepthwiseEngine"]
