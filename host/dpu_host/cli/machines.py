# SPDX-License-Identifier: Apache-2.0
"""Where a network runs: the golden model or the emulator (the RTL has its own file)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from dpu_compiler.graph import Graph
from dpu_host.cli.renamed import with_renamed
from dpu_sim.emulator import ProgramRun, RunStatistics
from dpu_sim.rtl.layers import Run, Timing
from dpu_spec.program import Program

Array = npt.NDArray[Any]


@dataclasses.dataclass
class Measurement:
    """What one inference took; None: not known on this machine.

    ``runs`` are the runs of the DPU with the trace of their instructions; ``seconds`` is what the
    simulator took for them.
    """

    cycles: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    layers: dict[int, Timing] = dataclasses.field(default_factory=dict)
    runs: list[Run] = dataclasses.field(default_factory=list)
    seconds: float | None = None


@dataclasses.dataclass
class Outcome:
    """One inference.

    ``tensors`` are all that exist in the run, by index, masked where they exist in part;
    ``problems`` are sentences about what could not be put together.
    """

    outputs: dict[int, Array]
    tensors: dict[int, Array]
    measurement: Measurement
    problems: list[str] = dataclasses.field(default_factory=list)


class Machine(Protocol):
    """Something that runs one network."""

    def run(self, inputs: Mapping[int, Array], *, tensors: bool) -> Outcome:
        """Run one inference; collect all tensors if asked."""

    def close(self) -> None:
        """Give back what it holds."""


class GoldenMachine:
    """The golden model."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def run(self, inputs: Mapping[int, Array], *, tensors: bool) -> Outcome:
        """Run one inference."""
        arrays = self._graph.run(inputs)
        # An output that is a constant is in the graph only.
        outputs = {}
        for index in self._graph.outputs:
            data = self._graph.tensors[index].data
            outputs[index] = arrays[index] if data is None else data
        return Outcome(outputs, arrays if tensors else {}, Measurement())

    def close(self) -> None:
        """Nothing to give back."""


class EmulatorMachine:
    """The emulator."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def run(self, inputs: Mapping[int, Array], *, tensors: bool) -> Outcome:
        """Run one inference."""
        run = ProgramRun(self._program, collect=tensors)
        for index, array in inputs.items():
            run.put(index, array)
        for step in self._program.steps:
            run.step(step)
        outputs = {index: run.get(index) for index in self._program.outputs}
        found = with_renamed(self._program, run.tensors() | outputs) if tensors else {}
        return Outcome(outputs, found, _measured(run.statistics))

    def close(self) -> None:
        """Nothing to give back."""


def _measured(statistics: RunStatistics) -> Measurement:
    return Measurement(
        read_bytes=statistics.read_bytes + statistics.instruction_bytes,
        write_bytes=statistics.written_bytes,
    )
