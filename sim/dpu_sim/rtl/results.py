# SPDX-License-Identifier: Apache-2.0
"""What a simulation answers."""

from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

WRITERS = ("drain", "depthwise", "vector", "load")
"""The scratchpad's writers, in the order of the trace's ports."""


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


def read_writes(path: Path) -> npt.NDArray[Any]:
    """Read the file that :meth:`RtlProcess.writes` recorded, in the order of time.

    The fields are ``cycle`` (its lower 32 bits), ``address``, ``writer`` (an index of
    :data:`WRITERS`), ``lanes`` and ``word`` (int8, lane 0 first).
    """
    data = path.read_bytes()
    lanes = data[7] if data else 1
    fields = [("cycle", "<u4"), ("address", "<u2"), ("writer", "u1"), ("lanes", "u1")]
    return np.frombuffer(data, np.dtype([*fields, ("word", "i1", (lanes,))]))
