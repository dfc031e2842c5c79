# SPDX-License-Identifier: Apache-2.0
"""A running simulation of a board."""

import tempfile
from pathlib import Path

from dpu_sim.rtl.pipe import SimulatorProcess

from .rules import MemoryCounters, MemoryRules

# Cycles of one command to the simulator, so that none takes it very long.
CHUNK = 2_000_000


class BoardProcess(SimulatorProcess):
    """A simulator made by :func:`build_board`, running.

    Use it as a context manager. Every method raises :class:`SimulationError` when the simulation
    stops, as when the design breaks a rule of the SDRAM; after :meth:`reset` it can go on.

    Parameters
    ----------
    executable
        The simulator.
    rules
        The SDRAM.
    divisor
        Cycles of a bit on the serial line; not always a whole number.
    timeout
        Seconds of real time that one command may take.
    """

    def __init__(
        self,
        executable: Path,
        rules: MemoryRules,
        *,
        divisor: float = 16.0,
        timeout: float = 600.0,
    ) -> None:
        super().__init__(executable, rules.arguments(), timeout=timeout)
        self._memory = int(self.greeting[1])
        self.set_divisor(divisor)

    @property
    def memory_bytes(self) -> int:
        """The size of the SDRAM in bytes."""
        return self._memory

    @property
    def divisor(self) -> float:
        """Cycles of a bit on the serial line."""
        return self._divisor

    def reset(self, cycles: int = 4) -> None:
        """Reset the design; the serial line is emptied, a failure forgotten.

        The SDRAM keeps its contents, and is to be started anew.
        """
        self._command(f"reset {cycles}")

    def step(self, cycles: int = 1) -> None:
        """Run so many cycles."""
        while cycles > 0:
            self._command(f"step {min(cycles, CHUNK)}")
            cycles -= CHUNK

    def cycle(self) -> int:
        """Return the number of cycles since the process started."""
        return int(self._command("cycle")[0])

    def set_divisor(self, cycles: float) -> None:
        """Set the cycles of a bit on the serial line, from the next byte on."""
        self._command(f"divisor {cycles!r}")
        self._divisor = float(cycles)

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Queue bytes for the serial line; they go out as cycles pass."""
        if len(data):
            self._command(f"send {bytes(data).hex()}")

    def receive(self, count: int, cycles: int) -> bytes:
        """Run until so many bytes have come, at most so many cycles; return as many, or fewer."""
        words: list[str] = []
        while count > 0:
            words = self._command(f"receive {count} {min(max(cycles, 0), CHUNK)}")
            cycles -= CHUNK
            found = bytes.fromhex(words[0]) if words else b""
            if found or cycles <= 0:
                return found + (self.receive(count - len(found), cycles) if cycles > 0 else b"")
        return b""

    def waiting(self) -> int:
        """Return the number of bytes that have come and are not yet received."""
        return int(self._command("waiting")[0])

    def drain(self, cycles: int) -> bool:
        """Run until all bytes are sent, at most so many cycles; tell whether they are."""
        while cycles > 0:
            if self._command(f"drain {min(cycles, CHUNK)}") == ["1"]:
                return True
            cycles -= CHUNK
        return False

    def discard_received(self) -> None:
        """Forget the bytes that have come."""
        self._command("discard received")

    def discard_unsent(self) -> None:
        """Forget the bytes that wait to be sent."""
        self._command("discard unsent")

    def load(self, path: Path, address: int) -> int:
        """Copy a file into the SDRAM, without any cycle; return its length."""
        return int(self._command(f"load {address} {path.absolute()}")[0])

    def dump(self, path: Path, address: int, length: int) -> None:
        """Copy a range of the SDRAM into a file, without any cycle."""
        self._command(f"dump {address} {length} {path.absolute()}")

    def write_memory(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Copy bytes into the SDRAM, without any cycle."""
        if not len(data):
            return
        with tempfile.NamedTemporaryFile(prefix="tandem-") as file:
            file.write(data)
            file.flush()
            self.load(Path(file.name), address)

    def read_memory(self, address: int, length: int) -> bytes:
        """Copy bytes out of the SDRAM, without any cycle."""
        if length == 0:
            return b""
        with tempfile.NamedTemporaryFile(prefix="tandem-") as file:
            self.dump(Path(file.name), address, length)
            return Path(file.name).read_bytes()

    def counters(self, *, clear: bool = False) -> MemoryCounters:
        """Return what went over the SDRAM's pins, and count from zero again if asked."""
        words = self._command("counters clear" if clear else "counters")
        values = {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}
        return MemoryCounters(**values)

    def waves(self, path: Path | None) -> None:
        """Record every signal as VCD, in a build with waves; None ends it."""
        self._command(f"waves {'off' if path is None else path.absolute()}")
