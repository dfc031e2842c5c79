# SPDX-License-Identifier: Apache-2.0
"""The cycle model: when each instruction of a program starts and ends, without any hardware.

It follows the gateware's pipelines from instruction to instruction and from burst to burst, not
from cycle to cycle: each file here stands for a part of ``dpu_hw`` and names it. Times are cycles
from the start bit.
"""

from dpu_compiler.cycles.machine import END, Machine, Timing
from dpu_compiler.cycles.memory import BENCHMARK, Memory

__all__ = ["BENCHMARK", "END", "Machine", "Memory", "Timing"]
