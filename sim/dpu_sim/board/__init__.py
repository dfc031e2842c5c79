# SPDX-License-Identifier: Apache-2.0
"""Simulation of a whole board: the design between an SDRAM chip and a serial line."""

from .build import build_board
from .port import SimulatedPort
from .process import BoardProcess
from .rules import Chip, MemoryCounters, MemoryRules

__all__ = [
    "BoardProcess",
    "Chip",
    "MemoryCounters",
    "MemoryRules",
    "SimulatedPort",
    "build_board",
]
