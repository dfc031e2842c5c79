# SPDX-License-Identifier: Apache-2.0
"""Cycles of the store engine: ``dpu_hw.dma.store`` and ``dpu_hw.dma.writer``."""

from __future__ import annotations

from collections import deque

from dpu_compiler.cycles.banks import SlowStreams
from dpu_compiler.cycles.bursts import cut, row_words, runs, words
from dpu_compiler.cycles.cut import Cut
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_compiler.cycles.memory import Memory
from dpu_spec.configuration import Configuration

#: From an instruction's transfer to its prepared form, besides the cycles of folding rows.
PREPARE = 2
#: Prepared instructions that wait for the walk over their words.
AHEAD = 4
#: From an instruction in ``dma.walk`` to its first word at the scratchpad: two cycles, a queue.
_FIRST_READ = 3
#: From there to the write master: two cycles of the scratchpad, the queue of words, two of
#: ``dma.packer``.
_BEAT = 5
#: From a burst's address to its first beat on the bus.
_DATA = 2
#: From a burst's last beat on the bus to its answer, and to the pulse of ``done``.
_ANSWER, _DONE = 1, 2


class StoreTiming:
    """STORE: bursts go out once all their data is there."""

    def __init__(self, configuration: Configuration, memory: Memory, slow: SlowStreams) -> None:
        self._beat_cycles = memory.beat_cycles
        self._lanes = configuration.lanes
        self._size = configuration.axi_bytes
        self._slow = slow
        #: First cycle in which the next instruction can be taken; None: not known yet.
        self.ready: int | None = 0
        self._cut = Cut()
        self._run_at = self._walked = self._asked = self._sent = NEVER
        # When the latest instructions were taken by the walk; when the latest bursts were answered.
        self._walks = deque([NEVER] * AHEAD, AHEAD)
        self._answers = deque([NEVER] * configuration.write_outstanding)

    def run(self, i: Values, taken: int) -> int:
        """Return when an instruction that is taken in a cycle is done."""
        folding, length, starts = runs(i)
        begun = max(taken + PREPARE + folding, self._run_at + 1, self._walks[0] + 1)
        self.ready = begun + 1
        walks = max(begun + 1, self._walked)
        self._walks.append(walks)
        bursts = [cut(start, length, self._size) for start in starts]
        total = sum(map(sum, bursts))
        count, row = words(i, self._lanes), row_words(i, self._lanes)
        first = walks + _FIRST_READ
        last = first + count - 1
        if row:
            last = self._slow.finish_rows(first, i, row, 0, count)
        # A word a cycle, a beat a cycle: whichever is more.
        last = max(last, first + total - 1)
        self._walked = last - _FIRST_READ + 1
        self._run_at = begun
        came, pending = 0, deque(bursts)
        for run in bursts:
            for beats in run:
                self._take(pending)
                here = self._cut.head()
                assert here is not None
                came += beats
                complete = first + -(-came * (last - first + 1) // total) - 1 + _BEAT
                self._asked = max(here, complete + 1, self._asked + 1, self._answers.popleft() + 1)
                self._cut.leave(self._asked)
                step = self._beat_cycles
                self._sent = max(self._asked + _DATA, self._sent + step) + (beats - 1) * step
                self._answers.append(self._sent + _ANSWER)
        self._take(pending)
        return self._sent + _DONE

    def _take(self, pending: deque[list[int]]) -> None:
        """Cut as many runs as there is room for."""
        while pending and (room := self._cut.room()) is not None:
            self._run_at = max(self._run_at + 1, room)
            self._cut.take(self._run_at, pending.popleft())
