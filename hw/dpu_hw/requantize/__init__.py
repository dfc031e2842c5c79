# SPDX-License-Identifier: Apache-2.0
"""Scaling of int32 accumulators to int8."""

from dpu_hw.requantize.block_loader import BlockLoader
from dpu_hw.requantize.layouts import output_layout, requantizer_input, scale_layout
from dpu_hw.requantize.requantizer import Requantizer
from dpu_hw.requantize.scale_loader import ScaleLoader
from dpu_hw.requantize.word_requantizer import WordRequantizer

__all__ = [
    "BlockLoader",
    "Requantizer",
    "ScaleLoader",
    "WordRequantizer",
    "output_layout",
    "requantizer_input",
    "scale_layout",
]
