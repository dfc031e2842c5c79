# SPDX-License-Identifier: Apache-2.0
"""Serial ports: what a link needs of one, and the ones of this machine."""

from __future__ import annotations

import contextlib
import errno
from typing import Any, Protocol

from dpu_host.errors import (
    MissingPackageError,
    PortBusyError,
    PortError,
    PortMissingError,
    PortPermissionError,
)

#: Seconds after which a port that takes no more bytes is given up.
_WRITE_TIMEOUT = 10.0
_BUSY = {errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_MISSING = {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR}


class SerialPort(Protocol):
    """A serial port, as pyserial has it. What goes wrong with it is an :exc:`OSError`."""

    timeout: float | None
    """Seconds that a read waits."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, or those that came in time."""

    def write(self, data: bytes, /) -> int | None:
        """Send bytes; return how many have been taken (None: all)."""

    def reset_input_buffer(self) -> None:
        """Throw away what has come."""

    def close(self) -> None:
        """Give it back."""


def open_port(device: str, baud: int) -> SerialPort:
    """Open a port of this machine with pyserial.

    Raises
    ------
    MissingPackageError
        Pyserial isn't installed.
    PortError
        The port cannot be opened; a class of its own for each usual reason.
    """
    try:
        import serial
    except ImportError:
        raise MissingPackageError(
            f"{device}: serial ports need pyserial; install it with: "
            'pip install "tandem-dpu[boards]"'
        ) from None
    try:
        port: Any = serial.Serial(
            device, baud, timeout=1.0, write_timeout=_WRITE_TIMEOUT, exclusive=True
        )
    except (OSError, ValueError, OverflowError) as error:
        raise _explained(device, baud, error) from None
    # USB adapters of FTDI hold short answers back for 16 ms otherwise. Ports and systems without
    # this mode are right without it.
    with contextlib.suppress(AttributeError, OSError, ValueError, NotImplementedError):
        port.set_low_latency_mode(True)
    found: SerialPort = port
    return found


def _explained(device: str, baud: int, error: Exception) -> PortError:
    """Return the exception that says what to do about a port that cannot be opened."""
    number = getattr(error, "errno", None)
    if isinstance(error, ValueError | OverflowError):
        return PortError(f"{device}: cannot be set to {baud} baud ({error}); take another rate.")
    if number in _MISSING:
        return PortMissingError(
            f"{device}: there is no such port; plug the board in and check the name. {_available()}"
        )
    if number in _FORBIDDEN:
        return PortPermissionError(
            f"{device}: you may not use this port; on Linux, join the group that owns it "
            "(usually: sudo usermod -aG dialout $USER) and log in again."
        )
    if number in _BUSY:
        return PortBusyError(
            f"{device}: another program uses this port; end it (a terminal, litex_server) and try "
            "again."
        )
    return PortError(f"{device}: cannot be opened ({error}); name a serial port. {_available()}")


def _available() -> str:
    """Return a sentence on the ports of this machine."""
    from serial.tools import list_ports

    names = sorted(str(port.device) for port in list_ports.comports())
    return f"Ports of this machine: {', '.join(names)}." if names else "This machine has no port."
