# SPDX-License-Identifier: Apache-2.0
"""The driver's way to a DPU beside the processor that runs the driver."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from dpu_host.errors import MemorySizeError
from dpu_spec.registers import BY_NAME, address

#: The DPU's windows, and therefore programs, begin at multiples of this.
PAGE = 4096
_STATUS = address("STATUS")
_DONE = BY_NAME["STATUS"].field("done")
#: How often the state is read at once before the processor is given to others for a while.
_EAGER = 200
#: Seconds of such a while.
_PAUSE = 1e-4


class Registers(Protocol):
    """The DPU's registers."""

    def read(self, offset: int) -> int:
        """Read a word."""

    def write(self, offset: int, value: int) -> None:
        """Write a word."""


class Memory(Protocol):
    """A part of the DRAM that nobody else uses, at an address that DPU and processor agree on."""

    @property
    def address(self) -> int:
        """Where it begins, as the DPU sees it."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes, as the DPU left them."""

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes, for the DPU to see."""


class MappedTransport:
    """Registers, DRAM and the end of a run of a DPU in the processor's address space.

    Addresses of memory are the DPU's, which are physical ones; programs go to :attr:`base` and
    behind. The end of a run is polled.

    Parameters
    ----------
    registers, memory
        What is mapped.
    clock_hertz
        Frequency of the DPU, to turn cycles into seconds.
    clock, sleep
        The time.
    close
        Gives back what is mapped.
    """

    def __init__(
        self,
        registers: Registers,
        memory: Memory,
        *,
        clock_hertz: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._registers = registers
        self._memory = memory
        self._clock_hertz = clock_hertz
        self._clock = clock
        self._sleep = sleep
        self._close = close

    @property
    def base(self) -> int:
        """Where programs and tensors may begin; for :class:`dpu_host.driver.Device`."""
        return -(-self._memory.address // PAGE) * PAGE

    @property
    def memory_bytes(self) -> int:
        """End of the DRAM that the DPU and the host share."""
        return self._memory.address + self._memory.size

    def read_register(self, address: int) -> int:
        """Read a 32-bit register."""
        return self._registers.read(address)

    def write_register(self, address: int, value: int) -> None:
        """Write a 32-bit register."""
        self._registers.write(address, value)

    def read_memory(self, address: int, size: int) -> bytes:
        """Read bytes of the DRAM."""
        return self._memory.read(self._offset(address, size), size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes into the DRAM."""
        offset = self._offset(address, len(data))
        if data:
            self._memory.write(offset, data)

    def wait(self, cycles: int) -> bool:
        """Wait for the end of a run, at most so many cycles of the DPU; tell whether it came."""
        end = self._clock() + cycles / self._clock_hertz
        looks = 0
        while True:
            # Looked at before the question, so that one is asked after the time, too.
            over = self._clock() >= end
            if _DONE.get(self._registers.read(_STATUS)):
                return True
            if over:
                return False
            looks += 1
            if looks > _EAGER:
                self._sleep(_PAUSE)

    def close(self) -> None:
        """Give back what is mapped; nothing else works afterwards."""
        self._close()

    def _offset(self, address: int, size: int) -> int:
        offset = address - self._memory.address
        if offset < 0 or size < 0 or offset + size > self._memory.size:
            raise MemorySizeError(
                f"{size} bytes at 0x{address:X} don't lie in the DRAM that was set apart, from "
                f"0x{self._memory.address:X} to 0x{self.memory_bytes:X}; set more apart."
            )
        return offset
