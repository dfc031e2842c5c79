# SPDX-License-Identifier: Apache-2.0
"""What a simulation answers."""

from enum import Enum
from pathlib import Path
from typing import NamedTuple


class ErrorCode(Enum):
    """An AXI error response."""

    SLVERR = "slverr"
    DECERR = "decerr"


class AccessResult(NamedTuple):
    """A finished access to a register."""

    response: int
    """AXI4-Lite response: 0 is OKAY."""
    value: int
    """What was read, or written."""
    cycle: int
    """The cycle in which the design took the request."""


class WaitResult(NamedTuple):
    """How waiting for the interrupt ended."""

    cycles: int
    """Cycles that passed."""
    interrupt: bool
    """Whether the interrupt came."""


class BusCounters(NamedTuple):
    """What went over the AXI4 bus."""

    read_bytes: int
    read_beats: int
    read_bursts: int
    write_bytes: int
    write_beats: int
    write_bursts: int
    strobed_bytes: int
    """Of ``write_bytes``, those that were enabled."""


class TraceEvent(NamedTuple):
    """A cycle in which an engine started or finished an instruction."""

    cycle: int
    start: int
    """Bit mask: load, conv, drain, depthwise, vector, store."""
    finish: int


def read_trace(path: Path) -> list[TraceEvent]:
    """Read the file that :meth:`RtlProcess.trace` recorded."""
    with path.open() as file:
        return [TraceEvent(*map(int, line.split())) for line in file]
