# SPDX-License-Identifier: Apache-2.0
"""Memory on cheap boards: a controller for one 16-bit SDR SDRAM, with an AXI4 port."""

from dpu_hw.sdram.chip import AS4C32M16, CHIPS, IS42S16160, W9825G6KH, SdramChip, SdramTiming
from dpu_hw.sdram.controller import Sdram
from dpu_hw.sdram.pins import SdramSignature

__all__ = [
    "AS4C32M16",
    "CHIPS",
    "IS42S16160",
    "W9825G6KH",
    "Sdram",
    "SdramChip",
    "SdramSignature",
    "SdramTiming",
]
