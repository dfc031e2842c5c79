# SPDX-License-Identifier: Apache-2.0
"""The generated hardware in simulation: Verilog, simulator and inferences, all cached."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dpu_host.cli.console import working
from dpu_host.cli.machines import Array, Measurement, Outcome
from dpu_host.cli.renamed import with_renamed
from dpu_host.driver import Device
from dpu_sim.rtl import RtlProcess, build_simulator
from dpu_sim.rtl.build_cache import cached, content_key
from dpu_sim.rtl.layers import layer_timings
from dpu_sim.rtl.origin import origin
from dpu_sim.rtl.record import Recorder
from dpu_sim.rtl.transport import RtlTransport
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program

#: Cycles from a read request to its first beat, of benchmarks.
READ_LATENCY = 40
#: DRAM of a simulation; its pages exist once they are written.
MEMORY = 1 << 30


def verilog(configuration: Configuration) -> Path:
    """Return the Verilog of a DPU; it is generated where the cache doesn't have it."""
    parts: list[str | bytes] = [f"{configuration.hash:08x}", str(configuration.parameters())]
    parts += origin("dpu_hw", "dpu_spec")

    def build(folder: Path) -> None:
        # Amaranth takes its time to import, and only generation needs it.
        from dpu_hw.generate import generate

        with working("generating the Verilog"):
            generate(configuration, folder)

    return cached("verilog", content_key(parts), build) / "dpu.v"


def simulator(configuration: Configuration) -> Path:
    """Return the simulator of a DPU; it is built where the cache doesn't have it."""
    source = verilog(configuration)
    return build_simulator(
        source, announce=lambda: working("building the simulator, which takes some minutes")
    )


class RtlMachine:
    """A DPU in simulation, with one program loaded."""

    def __init__(self, program: Program, *, read_latency: int = READ_LATENCY) -> None:
        self._program = program
        self._process = RtlProcess(simulator(program.configuration), memory=MEMORY, timeout=3600.0)
        try:
            self._process.set_read_latency(read_latency)
            self._transport = RtlTransport(self._process, memory=MEMORY)
            self._device = Device(self._transport)
            self._device.load(program)
        except BaseException:
            self.close()
            raise

    @property
    def process(self) -> RtlProcess:
        """The simulator, for tests that disturb it."""
        return self._process

    @property
    def device(self) -> Device:
        """The driver."""
        return self._device

    def run(self, inputs: Mapping[int, Array], *, tensors: bool) -> Outcome:
        """Run one inference."""
        self._process.counters(clear=True)
        with Recorder(self._transport, self._program, tensors=tensors) as recorder:
            outputs = self._device.infer(inputs, observer=recorder)
        found = self._device.held() | outputs if tensors else {}
        for index, array in recorder.tensors().items():
            # What the scratchpad got is the better witness, if it is whole.
            if index not in found or not np.ma.isMaskedArray(array):
                found[index] = array
        found = with_renamed(self._program, found)
        counters = self._process.counters()
        measurement = Measurement(
            cycles=sum(run.cycles for run in recorder.runs),
            read_bytes=counters.read_bytes,
            write_bytes=counters.strobed_bytes,
            layers=layer_timings(self._program, recorder.runs),
            runs=recorder.runs,
            seconds=recorder.seconds,
        )
        return Outcome(outputs, found, measurement, recorder.problems)

    def close(self) -> None:
        """End the simulator."""
        self._process.close()
