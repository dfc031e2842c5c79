# SPDX-License-Identifier: Apache-2.0
"""Cycles of the load engine: ``dpu_hw.dma.load``."""

from __future__ import annotations

import dataclasses
from collections import deque

from dpu_compiler.cycles.banks import SlowStreams
from dpu_compiler.cycles.bursts import cut, row_words, runs, words
from dpu_compiler.cycles.cut import Cut
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_compiler.cycles.memory import Memory
from dpu_compiler.cycles.store import AHEAD, PREPARE
from dpu_spec.configuration import Configuration
from dpu_spec.isa import TARGET_SCRATCHPAD

#: From an instruction in ``dma.walk`` to its first word, and from a beat on the bus to a word that
#: it completes: ``dma.walk``, the queue behind the bus, the ring of ``dma.aligner``.
_FIRST_WORD, _BEAT = 2, 2
#: From a word in ``dma.aligner`` to its write.
_WRITE = 2
#: From a word in ``dma.aligner`` to the pulse of ``done``: its register, the queue, the pulse's.
_DONE = 3


@dataclasses.dataclass
class _Transfer:
    """A LOAD whose words are not all written."""

    values: Values
    #: When it came out of the preparation.
    begun: int
    beats: int
    words: int
    #: Beats and words so far.
    came: int = 0
    written: int = 0


class LoadTiming:
    """LOAD: bursts are asked for ahead, words written as their beats come."""

    def __init__(self, configuration: Configuration, memory: Memory, slow: SlowStreams) -> None:
        self._beat_cycles = memory.beat_cycles
        self._slow = slow
        self._lanes = configuration.lanes
        self._size = configuration.axi_bytes
        #: Beats that wait behind the bus: the ring and the queue.
        self._ring = 2 * max(self._lanes, self._size) // self._size
        self._slack = self._ring + 2
        #: When the latest burst's last beat makes way for what comes behind it.
        self.left = NEVER
        #: The bursts of the instructions.
        self.cut = Cut()
        #: First cycle in which the next instruction can be taken; None: not known yet.
        self.ready: int | None = 0
        # An instruction in the preparation: when it can leave, its runs' bursts; runs to be cut.
        self._prepared: tuple[int, _Transfer, list[list[int]]] | None = None
        self._pending: deque[list[int]] = deque()
        self._run_at = NEVER
        self._transfers: deque[_Transfer] = deque()
        # Instructions handed over; when each was taken by the walk, as far as known.
        self._handed = 0
        self._walks: list[int] = []
        self._free = NEVER
        self._written = NEVER

    def take(self, i: Values, taken: int) -> None:
        """Take an instruction."""
        folding, length, starts = runs(i)
        bursts = [cut(start, length, self._size) for start in starts]
        transfer = _Transfer(i, 0, sum(map(sum, bursts)), words(i, self._lanes))
        self._prepared = (taken + PREPARE + folding, transfer, bursts)
        self.ready = None
        self.proceed()

    def proceed(self) -> None:
        """Let instructions go on as far as it is known when they can."""
        while True:
            while self._pending:
                room = self.cut.room()
                if room is None:
                    return
                self._run_at = max(self._run_at + 1, room)
                self.cut.take(self._run_at, self._pending.popleft())
            if self._prepared is None:
                return
            # The walks' queue has a place once an instruction has left it.
            leaves = self._handed - AHEAD
            if leaves >= len(self._walks):
                return
            at, transfer, bursts = self._prepared
            at = max(at, self._run_at + 1, self._walks[leaves] + 1 if leaves >= 0 else 0)
            transfer.begun = at
            self._handed += 1
            self._transfers.append(transfer)
            if len(self._transfers) == 1:
                self._walk()
            self._pending.extend(bursts)
            self._run_at = at
            self._prepared = None
            self.ready = at + 1

    def _walk(self) -> None:
        self._walks.append(max(self._transfers[0].begun + 1, self._free))

    def burst(self, first: int, beats: int) -> tuple[int, Values, int | None, int | None]:
        """Take a burst whose beats begin to come in a cycle.

        Return the cycle of its last beat on the bus; the instruction; when its first word is
        written, if it is in this burst, and when it is done, if it is with it.
        """
        transfer = self._transfers[0]
        values = transfer.values
        last = first + (beats - 1) * self._beat_cycles
        transfer.came += beats
        done = transfer.came == transfer.beats
        total = transfer.words * transfer.came // transfer.beats
        count = total - transfer.written
        begins = None
        if count:
            begin = max(self._written + 1, first + _BEAT, self._walks[-1] + _FIRST_WORD)
            if not transfer.written:
                begins = begin + _WRITE
            row = row_words(values, self._lanes)
            if row and values["target"] == TARGET_SCRATCHPAD:
                end = self._slow.finish_rows(begin + _WRITE, values, row, transfer.written, count)
                end -= _WRITE
            else:
                end = begin + count - 1
            self._written = max(end, last + _BEAT)
            last = max(last, self._written + 1 - self._slack * count // beats)
            self.left = max(last, self._written - self._ring * count // beats)
        transfer.written = total
        if not done:
            return last, values, begins, None
        self._transfers.popleft()
        self._free = self._written
        if self._transfers:
            self._walk()
        self.proceed()
        return last, values, begins, self._written + _DONE
