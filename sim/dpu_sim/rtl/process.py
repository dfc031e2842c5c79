# SPDX-License-Identifier: Apache-2.0
"""A running simulation of the DPU, with its memory and its registers."""

import tempfile
from pathlib import Path
from typing import Literal

from .pipe import SimulatorProcess
from .results import AccessResult, BusCounters, ErrorCode, WaitResult

DEFAULT_MEMORY = 256 << 20


class RtlProcess(SimulatorProcess):
    """A simulator made by :func:`dpu_sim.rtl.build_simulator`, running.

    Use it as a context manager. Every method raises :class:`SimulationError` when the
    simulation stops; after :meth:`reset` it can go on.

    Parameters
    ----------
    executable
        The simulator.
    memory
        The size of the DRAM, which starts at bus address 0, in bytes.
    timeout
        Seconds of real time that one command may take.
    """

    def __init__(
        self, executable: Path, *, memory: int = DEFAULT_MEMORY, timeout: float = 600.0
    ) -> None:
        super().__init__(executable, ["--memory", str(memory)], timeout=timeout)
        self._width = int(self.greeting[1])

    @property
    def bus_width(self) -> int:
        """The width of the AXI4 data bus in bytes."""
        return self._width

    # Commands

    def reset(self, cycles: int = 4) -> None:
        """Reset the design; what the bus had outstanding is dropped, a failure forgotten."""
        self._command(f"reset {cycles}")

    def write_register(self, address: int, value: int) -> AccessResult:
        """Write a 32-bit register."""
        response, cycle = self._command(f"write {address} {value & 0xFFFFFFFF}")
        return AccessResult(int(response), value, int(cycle))

    def read_register(self, address: int) -> AccessResult:
        """Read a 32-bit register."""
        response, value, cycle = self._command(f"read {address}")
        return AccessResult(int(response), int(value), int(cycle))

    def write_memory(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Copy bytes into the DRAM, without any bus cycle."""
        if not len(data):
            return
        with tempfile.NamedTemporaryFile(prefix="tandem-") as file:
            file.write(data)
            file.flush()
            self.load(Path(file.name), address)

    def read_memory(self, address: int, length: int) -> bytes:
        """Copy bytes out of the DRAM, without any bus cycle."""
        if length == 0:
            return b""
        with tempfile.NamedTemporaryFile(prefix="tandem-") as file:
            self.dump(Path(file.name), address, length)
            return Path(file.name).read_bytes()

    def load(self, path: Path, address: int) -> int:
        """Copy a file into the DRAM and return its length."""
        return int(self._command(f"load {address} {path.absolute()}")[0])

    def dump(self, path: Path, address: int, length: int) -> None:
        """Copy a range of the DRAM into a file."""
        self._command(f"dump {address} {length} {path.absolute()}")

    def fill_memory(self, address: int, length: int, byte: int) -> None:
        """Set each byte of a range of the DRAM."""
        self._command(f"fill {address} {length} {byte}")

    def wait(self, cycles: int) -> WaitResult:
        """Run until the interrupt is 1, but at most so many cycles."""
        count, interrupt = self._command(f"wait {cycles}")
        return WaitResult(int(count), interrupt == "1")

    def step(self, cycles: int = 1) -> None:
        """Run so many cycles."""
        self._command(f"step {cycles}")

    def set_read_latency(self, first: int, last: int | None = None) -> None:
        """Let a read's first beat come so many cycles after its request (40 at the start)."""
        self._command(f"latency {first} {first if last is None else last}")

    def set_write_latency(self, first: int, last: int | None = None) -> None:
        """Let a write's response come so many cycles after its last beat (1 at the start)."""
        self._command(f"write_latency {first} {first if last is None else last}")

    def set_stalls(
        self,
        seed: int,
        *,
        ar: float = 0.0,
        r: float = 0.0,
        aw: float = 0.0,
        w: float = 0.0,
        b: float = 0.0,
    ) -> None:
        """Hold each channel back at random, with these probabilities in each cycle.

        Register accesses then come with random delays, too, and each burst touches the memory
        as early or as late as AXI4 allows. All zero: no stalls.
        """
        self._command(f"stall {seed} {ar:f} {r:f} {aw:f} {w:f} {b:f}")

    def inject_error(
        self,
        kind: Literal["read", "write"],
        burst: int,
        code: ErrorCode = ErrorCode.SLVERR,
        *,
        beat: int | None = None,
    ) -> None:
        """Answer the n-th read or write burst from now on with an error.

        A `beat` confines the error of a read to that beat of it.
        """
        suffix = "" if beat is None else f" {beat}"
        self._command(f"error {kind} {burst} {code.value}{suffix}")

    def inject_error_range(
        self, start: int, length: int, code: ErrorCode = ErrorCode.DECERR
    ) -> None:
        """Answer each burst that touches a range of addresses with an error."""
        self._command(f"error range {start} {length} {code.value}")

    def clear_errors(self) -> None:
        """Inject no more errors."""
        self._command("error off")

    def counters(self, *, clear: bool = False) -> BusCounters:
        """Return what went over the bus, and count from zero again if asked."""
        words = self._command("counters clear" if clear else "counters")
        values = {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}
        return BusCounters(**values)

    def cycle(self) -> int:
        """Return the number of cycles since the process started."""
        return int(self._command("cycle")[0])

    def trace(self, path: Path | None) -> None:
        """Record when engines start and finish, for ``read_trace``; None ends it."""
        self._command(f"trace {'off' if path is None else path.absolute()}")

    def writes(self, path: Path | None) -> None:
        """Record every word written to the scratchpad, for ``read_writes``; None ends it.

        A design without the ports for that can't.
        """
        self._command(f"writes {'off' if path is None else path.absolute()}")

    def waves(self, path: Path | None) -> None:
        """Record every signal as VCD, in a build with waves; None ends it."""
        self._command(f"waves {'off' if path is None else path.absolute()}")
