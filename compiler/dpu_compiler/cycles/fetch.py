# SPDX-License-Identifier: Apache-2.0
"""Cycles of the instruction fetch: ``dpu_hw.control.fetch`` and ``control.instructions``."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from dpu_compiler.cycles.bursts import cut
from dpu_compiler.cycles.cut import Cut
from dpu_compiler.cycles.memory import Memory
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES

#: From the start bit to the first choice.
_START = 1
#: From a choice to its request: pick, look up, count.
_REQUEST = 4
#: Requests in flight from which on only engines without instructions get more.
_CALM_REQUESTS = 2
ENGINES = len(Engine)


class Fetch:
    """Which engine's instructions are asked for, and when.

    ``offsets`` are where the streams begin in the program window, ``counts`` their instructions.
    """

    def __init__(
        self,
        configuration: Configuration,
        memory: Memory,
        counts: Mapping[Engine, int],
        offsets: Mapping[Engine, int],
    ) -> None:
        self._beat_cycles = memory.beat_cycles
        self._queue = configuration.instruction_queue
        self._chunk = self._queue // 2
        self._size = configuration.axi_bytes
        self._left = [counts.get(engine, 0) for engine in Engine]
        self._offset = [offsets.get(engine, 0) for engine in Engine]
        self._free = [self._queue] * ENGINES
        self._fresh = [True] * ENGINES
        self._finished = [False] * ENGINES
        self._served = ENGINES - 1
        self._notes = 0
        #: Bursts of the requests.
        self.cut = Cut()
        #: First cycle of the next choice; None while a request waits for its turn.
        self.choice: int | None = _START
        # A request that waits: earliest cycle, bursts.
        self._request: tuple[int, list[int]] | None = None
        #: For each burst that was asked for: the engine and its instructions' beats so far.
        self._bursts: deque[tuple[int, int]] = deque()
        self._beats = [INSTRUCTION_BYTES[engine] // self._size for engine in Engine]
        self._came = 0

    def free(self, engine: int) -> None:
        """An instruction has left its engine's queue."""
        self._free[engine] += 1

    def noted(self) -> None:
        """All instructions of the oldest request have come."""
        self._notes -= 1

    def choose(self, cycle: int) -> bool:
        """Choose an engine in a cycle; tell whether there was one."""
        free, finished = self._free, self._finished
        wanted = [e for e in range(ENGINES) if free[e] == self._queue and not finished[e]]
        if not wanted and self._notes < _CALM_REQUESTS:
            wanted = [e for e in range(ENGINES) if free[e] >= self._chunk and not finished[e]]
        if not wanted:
            return False
        engine = min(wanted, key=lambda e: (e - self._served - 1) % ENGINES)
        self._served = engine
        left = self._left[engine]
        if not left:
            finished[engine] = True
            self.choice = cycle + _REQUEST
            return True
        limit = 1 if self._fresh[engine] and engine != Engine.LOAD else self._chunk
        self._fresh[engine] = False
        count = min(limit, left)
        length = count * INSTRUCTION_BYTES[Engine(engine)]
        bursts = cut(self._offset[engine], length, self._size)
        self._offset[engine] += length
        self._left[engine] = left - count
        finished[engine] = left == count
        free[engine] -= count
        self._notes += 1
        ends = 0
        for beats in bursts:
            ends += beats
            self._bursts.append((engine, count if ends == sum(bursts) else 0))
        self.choice = None
        self._request = (cycle + _REQUEST, bursts)
        return True

    def proceed(self) -> bool:
        """Hand a waiting request over if it is known when it can go; tell whether it went."""
        if self._request is None:
            return False
        room = self.cut.room()
        if room is None:
            return False
        cycle, bursts = self._request
        cycle = max(cycle, room)
        self.cut.take(cycle, bursts)
        self._request = None
        self.choice = cycle + 1
        return True

    def burst(self, first: int, beats: int) -> tuple[int, list[int], bool]:
        """Take a burst whose beats come from a cycle on.

        Return the engine, when each instruction is whole, and whether it ends its request.
        """
        engine, ends = self._bursts.popleft()
        size = self._beats[engine]
        whole = []
        done = self._came + beats
        for n in range(1, done // size + 1):
            whole.append(first + (n * size - 1 - self._came) * self._beat_cycles + 1)
        self._came = done % size
        return engine, whole, bool(ends)
