# SPDX-License-Identifier: Apache-2.0
"""RTL simulation: the Verilator build, its cache, the C++ bench and the cocotb runner."""

from .build import build_simulator
from .errors import BuildError, SimulationError, ToolchainError
from .process import RtlProcess
from .results import (
    AccessResult,
    BusCounters,
    ErrorCode,
    TraceEvent,
    WaitResult,
    read_trace,
    read_writes,
)

__all__ = [
    "AccessResult",
    "BuildError",
    "BusCounters",
    "ErrorCode",
    "RtlProcess",
    "SimulationError",
    "ToolchainError",
    "TraceEvent",
    "WaitResult",
    "build_simulator",
    "read_trace",
    "read_writes",
]
