# SPDX-License-Identifier: Apache-2.0
"""The driver's way to a simulated DPU."""

from dpu_spec.registers import BY_NAME, address

from .errors import SimulationError
from .process import DEFAULT_MEMORY, RtlProcess

# Cycles of one command to the simulator, so that none takes it very long.
CHUNK = 500_000
_CONTROL = address("CONTROL")
_START = BY_NAME["CONTROL"].field("start")


class RtlTransport:
    """Registers, DRAM and the interrupt of a DPU that a simulator runs.

    Parameters
    ----------
    process
        The simulator.
    memory
        The size of its DRAM in bytes.
    """

    def __init__(self, process: RtlProcess, *, memory: int = DEFAULT_MEMORY) -> None:
        self._process = process
        self._memory = memory
        self.started = 0
        """The cycle in which the design took the last start bit."""

    @property
    def process(self) -> RtlProcess:
        """The simulator."""
        return self._process

    @property
    def memory_bytes(self) -> int:
        """The size of the DRAM, which starts at address 0."""
        return self._memory

    def read_register(self, address: int) -> int:
        """Read a 32-bit register."""
        result = self._process.read_register(address)
        self._refuse(result.response, "read", address)
        return result.value

    def write_register(self, address: int, value: int) -> None:
        """Write a 32-bit register."""
        result = self._process.write_register(address, value)
        self._refuse(result.response, "write", address)
        if address == _CONTROL and _START.get(value):
            self.started = result.cycle

    def read_memory(self, address: int, size: int) -> bytes:
        """Read bytes of the DRAM; takes no cycles."""
        return self._process.read_memory(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Write bytes into the DRAM; takes no cycles."""
        self._process.write_memory(address, data)

    def wait(self, cycles: int) -> bool:
        """Run until the interrupt is 1, at most so many cycles; tell whether it came."""
        while cycles > 0:
            result = self._process.wait(min(cycles, CHUNK))
            if result.interrupt:
                return True
            cycles -= max(result.cycles, 1)
        return False

    @staticmethod
    def _refuse(response: int, what: str, address: int) -> None:
        if response:
            raise SimulationError(
                f"the design answered the {what} of register 0x{address:03X} with {response}"
            )
