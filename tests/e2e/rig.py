# SPDX-License-Identifier: Apache-2.0
"""Whole programs on the simulated hardware, disturbed on the way, and compared word by word."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from dpu_host import driver
from dpu_host.cli.rtl import simulator
from dpu_host.driver import Counts, Device
from dpu_host.placement import Window
from dpu_sim.rtl import RtlProcess, read_writes
from dpu_sim.rtl.transport import RtlTransport
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program
from dpu_spec.registers import BY_NAME, Error, address
from tests.e2e.cases import Case, compare_writes

MEMORY = 4 << 20
#: Cycles that no run of these programs comes near, however slow the memory.
LIMIT = 400_000
START, ABORT, CLEAR = 1, 2, 4


def new_random() -> random.Random:
    """Return random numbers whose seed a failure shows."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    return random.Random(seed)


class DisturbedTransport(RtlTransport):
    """The driver's way to the simulation, with something to do once the DPU runs."""

    during: Callable[[], None] | None = None
    #: Cycles after which the driver gives up.
    limit = LIMIT
    #: Values of registers that are written in place of the driver's.
    replaced: Mapping[int, int] = {}

    def write_register(self, address: int, value: int) -> None:
        """Write a register."""
        super().write_register(address, self.replaced.get(address, value))

    def wait(self, cycles: int) -> bool:
        """Disturb the run, and wait for its end."""
        during, self.during = self.during, None
        if during is not None:
            during()
        return super().wait(min(cycles, self.limit))


class Rig:
    """A simulated DPU with its driver. Use it as a context manager."""

    def __init__(self, configuration: Configuration, folder: Path) -> None:
        self.process = RtlProcess(simulator(configuration), memory=MEMORY)
        self.process.reset()
        self.transport = DisturbedTransport(self.process, memory=MEMORY)
        self.device = Device(self.transport)
        self._file = folder / "writes"

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.close()

    def calm(self) -> None:
        """Let the memory be what it is at the start of a simulation."""
        self.process.set_stalls(0)
        self.process.set_read_latency(40)
        self.process.set_write_latency(1)
        self.process.clear_errors()
        self.transport.replaced = {}
        self.transport.limit = LIMIT

    def check(self, expected: Case, *, words: bool = True) -> Counts:
        """Load and run a program; every byte and every word written must be exact."""
        self.device.load(expected.program)
        return self.again(expected, words=words)

    def again(self, expected: Case, *, words: bool = True) -> Counts:
        """Run the loaded program, and compare."""
        # What an earlier run left must not pass for a result.
        for window in self.windows(expected.program)[1:]:
            self.process.fill_memory(window.base, window.size, 0x55)
        self.process.writes(self._file if words else None)
        outputs = self.device.infer(expected.feeds)
        self.process.writes(None)
        for index, array in expected.outputs.items():
            np.testing.assert_array_equal(outputs[index], array)
        if words:
            compare_writes(expected, read_writes(self._file))
        return self.device.counts()

    def windows(self, program: Program) -> tuple[Window, ...]:
        """Return the windows of a program."""
        return driver.place(program, 0)

    def repeat(self, limit: int = LIMIT) -> bool:
        """Start what ran last once more, and wait for its end; tell whether it came."""
        self.control(START)
        ended = self.transport.wait(limit)
        if ended:
            self.control(CLEAR)
        return ended

    def status(self) -> dict[str, int]:
        """Return the parts of STATUS."""
        register = BY_NAME["STATUS"]
        value = self.transport.read_register(register.address)
        return {bits.name: bits.get(value) for bits in register.bits}

    def control(self, value: int) -> None:
        """Write CONTROL."""
        self.transport.write_register(address("CONTROL"), value)

    def run(self, limit: int = LIMIT) -> dict[str, int] | None:
        """Run the loaded program; return STATUS, or None where only an abort ended it."""
        if self.repeat(limit):
            return self.status()
        self.control(ABORT)
        assert self.transport.wait(5000), "an abort doesn't end the run"
        assert self.status()["error"] == Error.ABORT
        self.control(CLEAR)
        return None
