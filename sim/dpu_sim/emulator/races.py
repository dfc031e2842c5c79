# SPDX-License-Identifier: Apache-2.0
"""Order between accesses: vector clocks of agents, and who accessed a word last.

The reader and the writer inside one engine are separate agents. Reads of an engine are in order
among themselves, so are its writes, and the reads of an instruction precede its writes. A read is
after the writes of its own engine's earlier instructions only if a token says so, because the
engine starts an instruction while the one before is still in its pipeline.

Tokens are the only other order. Each is taken by one instruction, and the n-th token of a counter
is always given and taken by the same two instructions, so the order between accesses is a property
of the program: whichever order the emulator happens to execute in, it finds a race if there is one.
(That a signal to a full counter waits is no order to rely on, so it isn't counted as one.) A race
between a read and a word's very first write is found as a read of an unwritten word where the read
happens to be executed first.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dpu_spec.instruction import ENGINE_SLOTS, Engine

Int64s = npt.NDArray[np.int64]
Array = npt.NDArray[Any]

#: Agents: two an engine, then the host.
AGENTS = 2 * ENGINE_SLOTS
#: A word that the host wrote before the run: before every access.
WRITTEN_BY_HOST = 0
#: A word that nobody wrote.
UNWRITTEN = -1


def reader(engine: Engine) -> int:
    """Return the agent that reads for an engine."""
    return 2 * engine


def writer(engine: Engine) -> int:
    """Return the agent that writes for an engine."""
    return 2 * engine + 1


class Clocks:
    """What each agent has seen: for every agent, the epoch of its latest access known to be over.

    The epoch of an access is the number of instructions that its engine had started, the access's
    own included.
    """

    def __init__(self) -> None:
        self._clock = np.zeros((AGENTS, AGENTS), np.int64)
        self._epoch = np.zeros(ENGINE_SLOTS, np.int64)

    def start(self, engine: Engine, tokens: list[Int64s]) -> int:
        """Begin an instruction that took these tokens; return its epoch."""
        read, write = self._clock[reader(engine)], self._clock[writer(engine)]
        for token in tokens:
            np.maximum(read, token, out=read)
        self._epoch[engine] += 1
        epoch = int(self._epoch[engine])
        read[reader(engine)] = epoch
        np.maximum(write, read, out=write)
        write[writer(engine)] = epoch
        return epoch

    def token(self, engine: Engine) -> Int64s:
        """Return what an engine gives with a signal: all that its completed instructions know."""
        knowledge: Int64s = self._clock[writer(engine)].copy()
        return knowledge

    def join_all(self) -> None:
        """Order everything so far before everything to come (between two runs)."""
        self._clock[:] = self._clock.max(axis=0)

    def of(self, agent: int) -> Int64s:
        """Return the clock of an agent."""
        clock: Int64s = self._clock[agent]
        return clock


class Selection(Protocol):
    """Some words of a buffer, in an order."""

    def get(self, array: Array) -> Array:
        """Return the selected elements."""
        ...

    def put(self, array: Array, value: Array | int) -> None:
        """Set the selected elements."""
        ...

    def address(self, position: int) -> int:
        """Return the address of a selected element, counted along the flattened selection."""
        ...


@dataclasses.dataclass(frozen=True)
class Conflict:
    """Two accesses without an order: where, and the earlier executed one's agent and epoch."""

    address: int
    agent: int
    epoch: int


class Tracker:
    """Who wrote and read each word of one buffer last.

    A write is kept as ``epoch * AGENTS + agent``. One write a word suffices, since another one that
    is not ordered after it is reported at once; reads are kept for each reading agent.
    """

    def __init__(self, size: int, readers: tuple[int, ...], *, written: bool) -> None:
        self._write = np.full(size, WRITTEN_BY_HOST if written else UNWRITTEN, np.int32)
        self._reads = {agent: np.zeros(size, np.int32) for agent in readers}

    def host_wrote(self, selection: Selection) -> None:
        """Note that the host wrote words between two runs."""
        selection.put(self._write, WRITTEN_BY_HOST)

    def unwritten(self, selection: Selection) -> int | None:
        """Return the first selected address that nobody wrote."""
        found = np.flatnonzero(selection.get(self._write) < 0)
        return selection.address(int(found[0])) if found.size else None

    def read(self, selection: Selection, agent: int, epoch: int, clock: Int64s) -> Conflict | None:
        """Note a read; return a write that it is not ordered after."""
        conflict = self._writes_after(selection, clock)
        if conflict is None:
            selection.put(self._reads[agent], epoch)
        return conflict

    def write(
        self, selection: Selection, agent: int, epoch: int, clock: Int64s
    ) -> tuple[str, Conflict] | None:
        """Note a write; return a write or read that it is not ordered after."""
        conflict = self._writes_after(selection, clock)
        if conflict is not None:
            return "write", conflict
        for other, reads in self._reads.items():
            epochs = selection.get(reads)
            found = np.flatnonzero(epochs > clock[other])
            if found.size:
                first = int(found[0])
                read = int(epochs.reshape(-1)[first])
                return "read", Conflict(selection.address(first), other, read)
        selection.put(self._write, epoch * AGENTS + agent)
        return None

    def read_by(self, selection: Selection, agent: int, epoch: int) -> bool:
        """Tell whether an agent's access of that epoch read any of the selected words."""
        return agent in self._reads and bool(np.any(selection.get(self._reads[agent]) == epoch))

    def _writes_after(self, selection: Selection, clock: Int64s) -> Conflict | None:
        codes = selection.get(self._write)
        limits = clock * AGENTS + np.arange(AGENTS)
        found = np.flatnonzero(codes > limits[codes & (AGENTS - 1)])
        if not found.size:
            return None
        first = int(found[0])
        code = int(codes.reshape(-1)[first])
        return Conflict(selection.address(first), code % AGENTS, code // AGENTS)
