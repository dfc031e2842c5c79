# SPDX-License-Identifier: Apache-2.0
"""The driver's way to a board on a serial port."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

import numpy as np

from dpu_host.errors import BusError, MemorySizeError, UnknownDeviceError
from dpu_host.transports.link import Link
from dpu_host.transports.serial_port import SerialPort, open_port
from dpu_spec.memory_map import MEMORY_BASE, REGISTER_BASE
from dpu_spec.uartbone import DEFAULT_BAUD, MAXIMUM_WORDS, TIMEOUT, WORD_BYTES

#: Bytes of the longest burst.
_BLOCK = WORD_BYTES * MAXIMUM_WORDS
#: Seconds that a DRAM takes at most until it is ready.
_READY = 1.0

#: Told of the bytes that have been moved, and of all that are to be moved.
Progress = Callable[[int, int], None]


class UartTransport:
    """Registers, DRAM and the interrupt of a DPU behind a UART bridge.

    Everything that is read or written is verified, and repeated where it was damaged.

    Parameters
    ----------
    port
        The serial port.
    baud
        Bits a second that it was opened with.
    name
        What messages call it.
    progress
        Called after each burst of a transfer that takes several.
    timeout
        Seconds after which the board forgets an unfinished command.
    clock
        Returns seconds; of a simulated board, those in the simulation.

    Raise :exc:`NoAnswerError` where no board answers.
    """

    def __init__(
        self,
        port: SerialPort,
        baud: int = DEFAULT_BAUD,
        *,
        name: str = "serial port",
        progress: Progress | None = None,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.progress = progress
        self._clock = clock
        self._link = Link(port, baud, name=name, timeout=timeout)
        start = clock()
        while not self._link.state().ready:
            if clock() - start > _READY:
                raise BusError(
                    f"{name}: the board's memory doesn't become ready; reset the board, and check "
                    "that the bitstream is for its memory."
                )

    @classmethod
    def open(
        cls, device: str, baud: int = DEFAULT_BAUD, *, progress: Progress | None = None
    ) -> UartTransport:
        """Open a port of this machine, such as ``/dev/ttyUSB0`` or ``COM3``.

        Raise :exc:`PortError` where that isn't possible, :exc:`MissingPackageError` without
        pyserial.
        """
        port = open_port(device, baud)
        try:
            return cls(port, baud, name=device, progress=progress)
        except BaseException:
            port.close()
            raise

    @property
    def memory_bytes(self) -> int:
        """Bytes of the DRAM."""
        return self._link.board.memory_bytes

    @property
    def clock_hertz(self) -> int:
        """Frequency of the DPU's clock in hertz."""
        return self._link.board.clock_hertz

    @property
    def retries(self) -> int:
        """How often something had to be repeated because it was damaged or lost."""
        return self._link.retries

    def read_register(self, address: int) -> int:
        """Read a 32-bit register."""
        return int.from_bytes(self._link.read(REGISTER_BASE + address, 1), "big")

    def write_register(self, address: int, value: int) -> None:
        """Write a 32-bit register."""
        self._link.write(REGISTER_BASE + address, value.to_bytes(WORD_BYTES, "big"))

    def read_memory(self, address: int, size: int) -> bytes:
        """Read bytes of the DRAM."""
        self._check(address, size)
        head = address % WORD_BYTES
        return self._read_words(address - head, -(-(head + size) // WORD_BYTES))[head : head + size]

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes into the DRAM; words of which only a part is given are read before."""
        self._check(address, len(data))
        if not data:
            return
        head, tail = address % WORD_BYTES, -(address + len(data)) % WORD_BYTES
        first = address - head
        last = address + len(data) + tail - WORD_BYTES
        whole = bytes(data)
        if head:
            whole = self._read_words(first, 1)[:head] + whole
        if tail:
            whole += self._read_words(last, 1)[-tail:]
        for at in range(0, len(whole), _BLOCK):
            block = whole[at : at + _BLOCK]
            self._link.write(MEMORY_BASE + first + at, _swapped(block))
            self._report(at + len(block), len(whole))

    def wait(self, cycles: int) -> bool:
        """Wait for the interrupt, at most so many cycles of the DPU; tell whether it came."""
        end = self._clock() + cycles / self.clock_hertz
        while True:
            # Looked at before the question, so that one is asked after the time, too.
            over = self._clock() >= end
            # A damaged bit doesn't come twice.
            if self._link.state().interrupt and self._link.state().interrupt:
                return True
            if over:
                return False

    def close(self) -> None:
        """Give the port back."""
        self._link.close()

    def __enter__(self) -> UartTransport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read_words(self, address: int, words: int) -> bytes:
        parts = []
        for at in range(0, words, MAXIMUM_WORDS):
            count = min(MAXIMUM_WORDS, words - at)
            parts.append(_swapped(self._link.read(MEMORY_BASE + address + WORD_BYTES * at, count)))
            self._report(WORD_BYTES * (at + count), WORD_BYTES * words)
        return b"".join(parts)

    def _report(self, moved: int, total: int) -> None:
        if self.progress is not None and total > _BLOCK:
            self.progress(moved, total)

    def _check(self, address: int, size: int) -> None:
        if address < 0 or size < 0 or address + size > self.memory_bytes:
            raise MemorySizeError(
                f"{size} bytes at 0x{address:X} don't lie in the DRAM, which ends at "
                f"0x{self.memory_bytes:X}; use a device with more memory."
            )


def connect(where: str) -> UartTransport:
    """Open ``PORT`` or ``PORT@BAUD``."""
    device, sign, rate = where.rpartition("@")
    if not sign:
        device, rate = where, str(DEFAULT_BAUD)
    if not device or not rate.isdecimal() or not int(rate):
        raise UnknownDeviceError(
            f"uart:{where}: names no port and baud rate; write uart:/dev/ttyUSB0 or "
            f"uart:/dev/ttyUSB0@{DEFAULT_BAUD}."
        )
    return UartTransport.open(device, int(rate))


def _swapped(data: bytes) -> bytes:
    """Turn the bytes of each word around: memory's order to the line's, or back."""
    return np.frombuffer(data, "<u4").astype(">u4").tobytes()
