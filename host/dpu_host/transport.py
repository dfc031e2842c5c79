# SPDX-License-Identifier: Apache-2.0
"""What the driver needs of whatever connects it to a DPU."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """Registers, DRAM and the interrupt of one DPU.

    Addresses are bytes, as the DPU's buses see them.
    """

    @property
    def memory_bytes(self) -> int:
        """End of the DRAM that the DPU and the host share."""

    def read_register(self, address: int) -> int:
        """Read a 32-bit register."""

    def write_register(self, address: int, value: int) -> None:
        """Write a 32-bit register."""

    def read_memory(self, address: int, size: int) -> bytes:
        """Read bytes of the DRAM."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes into the DRAM."""

    def wait(self, cycles: int) -> bool:
        """Wait for the interrupt, at most so many cycles of the DPU; tell whether it came."""
