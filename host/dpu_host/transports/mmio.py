# SPDX-License-Identifier: Apache-2.0
"""A DPU by memory-mapped files: ``/dev/mem``, a UIO device, a u-dma-buf.

The memory must not be cached behind the DPU's back: ``/dev/mem`` opened as here maps what the
kernel was told to leave alone uncached; of a u-dma-buf, set ``sync_mode=1``.
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import re

import numpy as np

from dpu_host.errors import DeviceError, UnknownDeviceError
from dpu_host.transports.mapped import PAGE, MappedTransport

USAGE = "mmio:REGISTERS@OFFSET,MEMORY@OFFSET+SIZE[=ADDRESS][,MHZ]"
#: Bytes of the registers' range.
REGISTER_BYTES = 0x1_0000
#: Frequency of the DPU where none is given, low so that no wait is too short.
_SLOWEST_MHZ = 10.0
_NUMBER = r"(?:0[xX][0-9a-fA-F]+|\d+)"
_WHERE = re.compile(
    rf"(?P<registers>[^,@]+)@(?P<at>{_NUMBER}),"
    rf"(?P<memory>[^,@]+)@(?P<offset>{_NUMBER})\+(?P<size>{_NUMBER})(?:=(?P<address>{_NUMBER}))?"
    r"(?:,(?P<mhz>\d+(?:\.\d+)?))?"
)


@dataclasses.dataclass(frozen=True)
class Mapping:
    """A part of a file: its path, and where the part begins and how long it is, in bytes."""

    path: str
    offset: int
    size: int

    def open(self) -> mmap.mmap:
        """Map it.

        Raise :exc:`DeviceError` where that isn't possible.
        """
        if self.offset % PAGE:
            raise DeviceError(
                f"{self.path}: 0x{self.offset:X} is no multiple of {PAGE}, as parts of files that "
                "are mapped must begin at; give another offset."
            )
        try:
            file = os.open(self.path, os.O_RDWR | os.O_SYNC)
            try:
                return mmap.mmap(file, self.size, offset=self.offset)
            finally:
                os.close(file)
        except PermissionError as error:
            raise DeviceError(
                f"{self.path}: may not be mapped ({error.strerror}); run as root, or let a udev "
                "rule give you the device."
            ) from None
        except (OSError, ValueError) as error:
            raise DeviceError(
                f"{self.path}: {self.size} bytes from 0x{self.offset:X} can't be mapped ({error}); "
                "check the path, the offset and the size."
            ) from None


class FileRegisters:
    """Registers in a mapped file; every access is one of 32 bits."""

    def __init__(self, mapping: mmap.mmap) -> None:
        self._words = np.frombuffer(mapping, "<u4")

    def read(self, offset: int) -> int:
        """Read a word."""
        return int(self._words[offset // 4])

    def write(self, offset: int, value: int) -> None:
        """Write a word."""
        self._words[offset // 4] = value


class FileMemory:
    """Memory in a mapped file, at an address of the DPU's."""

    def __init__(self, mapping: mmap.mmap, address: int) -> None:
        self._bytes = memoryview(mapping)
        self._address = address

    @property
    def address(self) -> int:
        """Where it begins, as the DPU sees it."""
        return self._address

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self._bytes)

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes."""
        return bytes(self._bytes[offset : offset + size])

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes."""
        self._bytes[offset : offset + len(data)] = data


def open_mapped(
    registers: Mapping, memory: Mapping, *, address: int, clock_hertz: float
) -> MappedTransport:
    """Return the transport to a DPU whose registers and memory are parts of files.

    ``address`` is where the DPU sees the memory.
    """
    return MappedTransport(
        FileRegisters(registers.open()),
        FileMemory(memory.open(), address),
        clock_hertz=clock_hertz,
    )


def connect(where: str) -> MappedTransport:
    """Open what :data:`USAGE` says.

    The memory's address, where none is given, is its offset in the file, as in ``/dev/mem``.
    """
    found = _WHERE.fullmatch(where)
    if found is None:
        raise UnknownDeviceError(
            f"mmio:{where}: doesn't say what to map; write {USAGE}, such as "
            "mmio:/dev/mem@0x43C00000,/dev/mem@0x18000000+0x8000000."
        )
    offset = int(found["offset"], 0)
    return open_mapped(
        Mapping(found["registers"], int(found["at"], 0), REGISTER_BYTES),
        Mapping(found["memory"], offset, int(found["size"], 0)),
        address=offset if found["address"] is None else int(found["address"], 0),
        clock_hertz=1e6 * float(found["mhz"] or _SLOWEST_MHZ),
    )
