# SPDX-License-Identifier: Apache-2.0
"""Order the engines by tokens: exactly where one reads or overwrites what another wrote or read."""

from __future__ import annotations

import bisect

import numpy as np
import numpy.typing as npt

from dpu_compiler.constants import capacity
from dpu_compiler.issue import Access, Buffer, Issue
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import ENGINE_SLOTS, TOKEN_LIMIT, Engine

Clock = npt.NDArray[np.int64]


class _History:
    """Who last wrote and read each place of a buffer: 1 + the instruction's index, 0 for nobody."""

    def __init__(self, size: int) -> None:
        self.writes = np.zeros((ENGINE_SLOTS, size), np.int32)
        self.reads = np.zeros((ENGINE_SLOTS, size), np.int32)


class Synchronizer:
    """Adds wait and signal bits to instructions in program order.

    For each instruction the latest conflicting instruction of every engine is known (writers of
    what it reads; writers and readers of what it writes). What is ordered already, directly or
    through others, needs no token. Within an engine all is in order but reads after its own writes.
    """

    def __init__(self, configuration: Configuration, dram: dict[Buffer, int]) -> None:
        sizes = {
            Buffer.SCRATCHPAD: configuration.scratchpad_words,
            Buffer.ACCUMULATORS: configuration.accumulator_depth,
            **{buffer: size // 16 + 1 for buffer, size in dram.items()},
        }
        for buffer in Buffer:
            if buffer not in sizes:
                sizes[buffer] = capacity(configuration, buffer)
        self._histories = {buffer: _History(size) for buffer, size in sizes.items()}
        self._streams: dict[Engine, list[Issue]] = {engine: [] for engine in Engine}
        # What each engine knows to be finished, as counts of each engine's instructions.
        self._known = np.zeros((ENGINE_SLOTS, ENGINE_SLOTS), np.int64)
        self._finished: dict[Engine, list[Clock]] = {engine: [] for engine in Engine}
        self._added = 0
        #: Where in program order each engine's instructions lie, and the waits of each pair.
        self._positions: dict[Engine, list[int]] = {engine: [] for engine in Engine}
        self._waits: dict[tuple[Engine, Engine], list[int]] = {
            (a, b): [] for a in Engine for b in Engine
        }

    @property
    def streams(self) -> dict[Engine, list[Issue]]:
        """Instructions of each engine so far."""
        return self._streams

    def add(self, issue: Issue) -> None:
        """Append an instruction to its engine's stream, with the tokens that it needs."""
        engine = issue.instruction.engine
        needed = np.zeros(ENGINE_SLOTS, np.int64)
        for access in issue.reads:
            np.maximum(needed, self._latest(access, writes=True), out=needed)
        own = needed[engine]
        for access in issue.writes:
            np.maximum(needed, self._latest(access, writes=True), out=needed)
            np.maximum(needed, self._latest(access, writes=False), out=needed)
        needed[engine] = own
        self._wait(issue, engine, needed)
        index = len(self._streams[engine])
        for access in issue.reads:
            self._histories[access.buffer].reads[engine, access.addresses] = index + 1
        for access in issue.writes:
            self._histories[access.buffer].writes[engine, access.addresses] = index + 1
        clock = self._known[engine].copy()
        clock[engine] = index + 1
        self._finished[engine].append(clock)
        self._streams[engine].append(issue)
        self._positions[engine].append(self._added)
        self._added += 1

    def _latest(self, access: Access, *, writes: bool) -> Clock:
        history = self._histories[access.buffer]
        table = history.writes if writes else history.reads
        latest: Clock = table[:, access.addresses].max(axis=1).astype(np.int64)
        return latest

    def _wait(self, issue: Issue, engine: Engine, needed: Clock) -> None:
        known = self._known[engine]
        # Late instructions first: what they knew may make earlier ones known.
        pending = [other for other in Engine if needed[other] > known[other]]
        clocks = {other: self._finished[other][needed[other] - 1] for other in pending}
        for other in pending:
            implied = any(
                clocks[third][other] >= needed[other] for third in pending if third is not other
            )
            if implied:
                continue
            index = int(needed[other]) - 1
            waits = self._waits[other, engine]
            # All earlier tokens of the pair were given before this one would be.
            lying = len(waits) - bisect.bisect_right(waits, self._positions[other][index])
            if lying + 1 >= TOKEN_LIMIT:
                index = len(self._streams[other]) - 1
                clocks[other] = self._finished[other][index]
            waits.append(self._added)
            issue.instruction.wait |= 1 << other
            self._streams[other][index].instruction.signal |= 1 << engine
        for other in pending:
            np.maximum(known, clocks[other], out=known)
