# SPDX-License-Identifier: Apache-2.0
"""Record an inference on the RTL: every tensor that it writes, and when each layer ran."""

import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from dpu_sim.emulator import CollectError, Collector, written_words
from dpu_sim.emulator.run import instructions
from dpu_spec.instruction import Engine
from dpu_spec.program import Program, Step
from dpu_spec.registers import COUNTERS, address

from .errors import SimulationError
from .layers import Run
from .results import WRITERS, read_trace, read_writes
from .transport import RtlTransport


class Counts(Protocol):
    """What a run took; the driver's own."""

    @property
    def cycles(self) -> int:
        """Cycles from the start bit to done."""


def collect_writes(
    program: Program, step: Step, records: npt.NDArray[Any], into: Collector
) -> list[str]:
    """Put the words of one run together to tensors.

    Return a sentence for each engine whose writes aren't those of its instructions.
    """
    lanes = program.configuration.lanes
    problems = []
    for writer, name in enumerate(WRITERS):
        engine = Engine[name.upper()]
        mine = records[records["writer"] == writer]
        marks = step.streams[engine].marks if step.streams and engine in step.streams else ()
        at = 0
        try:
            for mark, instruction in zip(marks, instructions(program, step, engine), strict=True):
                count = written_words(instruction, lanes).size
                part = mine[at : at + count]
                at += count
                if len(part) < count:
                    missing = count - len(part)
                    raise CollectError(f"The writes end {missing} short in\n  {instruction!r}")
                if count:
                    into.add(mark, instruction, part["address"].astype(np.int64), part["word"])
            if at < len(mine):
                raise CollectError(f"{len(mine) - at} words more than its instructions write.")
        except CollectError as error:
            problems.append(f"{engine.name}: {error}")
    return problems


class Recorder:
    """Observes the runs of one inference, for the driver's ``observer``.

    Use it as a context manager.

    Parameters
    ----------
    transport
        The way to the simulation.
    program
        What is run.
    tensors
        Also record every word that is written to the scratchpad.
    """

    def __init__(self, transport: RtlTransport, program: Program, *, tensors: bool = True) -> None:
        self._transport = transport
        self._program = program
        self._tensors = tensors
        self._collector = Collector(program.tensors, program.configuration)
        self._folder = tempfile.TemporaryDirectory(prefix="tandem-")
        self.runs: list[Run] = []
        #: Seconds that the simulator took for the runs.
        self.seconds = 0.0
        self._began = 0.0
        self.problems: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._transport.process.trace(None)
            self._transport.process.writes(None)
        except SimulationError:
            if error is None:
                raise
        finally:
            self._folder.cleanup()

    def begin(self, step: int) -> None:
        """Start to record."""
        process = self._transport.process
        process.trace(self._file("trace"))
        process.writes(self._file("writes") if self._tensors else None)
        self._began = time.perf_counter()

    def end(self, step: int, counts: Counts) -> None:
        """Stop, and read what was recorded."""
        self.seconds += time.perf_counter() - self._began
        process = self._transport.process
        process.trace(None)
        process.writes(None)
        what = self._program.steps[step]
        trace = read_trace(self._file("trace"))
        started = self._transport.started
        self.runs.append(Run(what, trace, started, counts.cycles, self._counters()))
        if self._tensors:
            records = read_writes(self._file("writes"))
            self.problems += collect_writes(self._program, what, records, self._collector)

    def tensors(self) -> dict[int, npt.NDArray[Any]]:
        """Return the tensors that were written to the scratchpad, masked where in part."""
        return {**self._collector.tensors()}

    def _counters(self) -> dict[Engine, dict[str, int]]:
        """Read the performance counters of all engines."""
        read = self._transport.read_register
        return {
            engine: {name: read(address(f"{engine.name}_{name.upper()}")) for name, _ in COUNTERS}
            for engine in Engine
        }

    def _file(self, name: str) -> Path:
        return Path(self._folder.name) / name
