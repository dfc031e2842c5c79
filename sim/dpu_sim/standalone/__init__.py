# SPDX-License-Identifier: Apache-2.0
"""Simulation of a DPU that a processor beside it runs: firmware in, text of its UART out."""

from .build import build_standalone
from .run import Line, run_firmware

__all__ = ["Line", "build_standalone", "run_firmware"]
