# SPDX-License-Identifier: Apache-2.0
"""A DPU in a PYNQ overlay, on the Zynq that runs the driver."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from dpu_host.errors import DeviceError, MissingPackageError, UnknownDeviceError
from dpu_host.transports.mapped import MappedTransport

USAGE = "pynq:BITSTREAM[@MEBIBYTES]"
#: MiB of memory where none are named.
DEFAULT_MEBIBYTES = 64
#: The IP's module, as it is named in the overlay's description.
_MODULE = "tandem_dpu"
#: Bytes of a line of the processor's caches (32 in the Cortex-A9's), or a multiple.
_LINE = 64


class PynqRegisters:
    """Registers by ``pynq.MMIO``."""

    def __init__(self, mmio: Any) -> None:
        self._mmio = mmio

    def read(self, offset: int) -> int:
        """Read a word."""
        return int(self._mmio.read(offset))

    def write(self, offset: int, value: int) -> None:
        """Write a word."""
        self._mmio.write(offset, value)


class PynqMemory:
    """A buffer that ``pynq.allocate`` gave: contiguous, and cached by the processor only."""

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer

    @property
    def address(self) -> int:
        """Its physical address."""
        return int(self._buffer.device_address)

    @property
    def size(self) -> int:
        """Bytes."""
        return int(self._buffer.nbytes)

    def read(self, offset: int, size: int) -> bytes:
        """Drop what the caches hold of a range, and read it."""
        self._lines(offset, size).invalidate()
        return bytes(self._buffer[offset : offset + size])

    def write(self, offset: int, data: bytes) -> None:
        """Write a range, and the caches' lines back to the memory."""
        self._buffer[offset : offset + len(data)] = np.frombuffer(data, np.uint8)
        self._lines(offset, len(data)).flush()

    def _lines(self, offset: int, size: int) -> Any:
        """Return the part of the buffer with the whole lines around a range.

        No line is left written in the caches only, so that dropping more than the range is safe.
        """
        return self._buffer[offset // _LINE * _LINE : -(-(offset + size) // _LINE) * _LINE]


def _ip(overlay: Any, bitstream: str) -> dict[str, Any]:
    """Return the overlay's description of the DPU."""
    for name, description in overlay.ip_dict.items():
        if _MODULE in str(description.get("type", "")):
            found: dict[str, Any] = {"name": name, **description}
            return found
    others = ", ".join(overlay.ip_dict) or "nothing"
    raise DeviceError(
        f"{bitstream}: has no {_MODULE} (it has {others}); load the overlay that "
        "`dpu build` and Vivado made, with its .hwh beside the .bit."
    )


def open_overlay(bitstream: str | Path, *, mebibytes: int = DEFAULT_MEBIBYTES) -> MappedTransport:
    """Load an overlay and return the transport to its DPU.

    Parameters
    ----------
    bitstream
        The ``.bit`` file; the ``.hwh`` of the same name lies beside it.
    mebibytes
        Memory for programs and tensors.

    Raise :exc:`MissingPackageError` without PYNQ, :exc:`DeviceError` where the overlay has no DPU
    or there is too little memory.
    """
    try:
        pynq: Any = importlib.import_module("pynq")
    except ImportError as error:
        raise MissingPackageError(
            f"pynq: isn't installed ({error}); run this on a board with a PYNQ image, or use "
            "mmio: instead."
        ) from None
    path = Path(bitstream)
    if not path.is_file():
        raise DeviceError(f"{path}: there is no such bitstream; copy it to the board.")
    overlay = pynq.Overlay(str(path))
    ip = _ip(overlay, str(path))
    registers = PynqRegisters(pynq.MMIO(ip["phys_addr"], ip["addr_range"]))
    try:
        buffer = pynq.allocate(shape=(mebibytes << 20,), dtype=np.uint8)
    except (MemoryError, RuntimeError) as error:
        raise DeviceError(
            f"pynq: {mebibytes} MiB of contiguous memory can't be had ({error}); ask for less "
            f"({USAGE}), or give the kernel more (cma=...)."
        ) from None
    hertz = 1e6 * float(pynq.Clocks.fclk0_mhz)
    return MappedTransport(
        registers, PynqMemory(buffer), clock_hertz=hertz, close=buffer.freebuffer
    )


def connect(where: str) -> MappedTransport:
    """Open ``BITSTREAM`` or ``BITSTREAM@MEBIBYTES``."""
    bitstream, sign, size = where.rpartition("@")
    if not sign:
        bitstream, size = where, str(DEFAULT_MEBIBYTES)
    if not bitstream or not size.isdecimal() or not int(size):
        raise UnknownDeviceError(
            f"pynq:{where}: names no bitstream and size; write {USAGE}, such as "
            "pynq:arty_z7.bit@64."
        )
    return open_overlay(bitstream, mebibytes=int(size))
