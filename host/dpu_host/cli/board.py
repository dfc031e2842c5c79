# SPDX-License-Identifier: Apache-2.0
"""A board as a machine that networks run on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from dpu_host.cli.console import transfer
from dpu_host.cli.machines import Array, Measurement, Outcome
from dpu_host.cli.renamed import with_renamed
from dpu_host.driver import Counts, Device
from dpu_spec.configuration import Configuration, from_parameters
from dpu_spec.program import Program


class _Sum:
    """Adds up what the runs of an inference take."""

    def __init__(self) -> None:
        self.total = Counts(0, 0, 0)

    def begin(self, step: int) -> None:
        """Nothing to do."""

    def end(self, step: int, counts: Counts) -> None:
        """Add a run's counters."""
        ours, theirs = dataclasses.astuple(self.total), dataclasses.astuple(counts)
        self.total = Counts(*(a + b for a, b in zip(ours, theirs, strict=True)))


class BoardMachine:
    """A DPU that :meth:`dpu_host.driver.Device.open` finds; of tensors it has those of the host.

    Parameters
    ----------
    name
        The device.
    """

    def __init__(self, name: str) -> None:
        self._device = Device.open(name)
        self._program: Program | None = None

    def configuration(self) -> Configuration:
        """Read the device's parameters."""
        return from_parameters(self._device.parameters(), source="device")

    def load(self, program: Program) -> None:
        """Load a program."""
        with transfer(self._device.transport, f"loading {program.model}"):
            self._device.load(program)
        self._program = program

    def run(self, inputs: Mapping[int, Array], *, tensors: bool) -> Outcome:
        """Run one inference."""
        assert self._program is not None
        counted = _Sum()
        outputs = self._device.infer(inputs, observer=counted)
        found = with_renamed(self._program, self._device.held() | outputs) if tensors else {}
        total = counted.total
        measurement = Measurement(
            cycles=total.cycles, read_bytes=total.read_bytes, write_bytes=total.write_bytes
        )
        return Outcome(outputs, found, measurement)

    def close(self) -> None:
        """Give the device back."""
        self._device.close()
