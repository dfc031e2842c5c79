# SPDX-License-Identifier: Apache-2.0
"""Cycles of copying tables to the vector unit's lanes: ``dpu_hw.vector.table_loader``."""

from __future__ import annotations

from dpu_compiler.cycles.bursts import words
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_spec.configuration import Configuration
from dpu_spec.isa import TABLE_ENTRIES, TABLE_SLOTS

#: From the write of a word to its copying, and from an entry to the slot's being complete.
_BEGIN, _COMPLETE = 2, 2


class TableTiming:
    """A range of words is copied in each slot, a cycle an entry, one slot's to its end first.

    A range grows at both ends to hold all that is loaded meanwhile.
    """

    def __init__(self, configuration: Configuration) -> None:
        #: Entries of a word.
        self._entries = configuration.lanes // 4
        self._slot_words = 2 * TABLE_ENTRIES // self._entries
        # Of each slot, the words that are still to be copied; the end is behind them.
        self._first = [0] * TABLE_SLOTS
        self._end = [0] * TABLE_SLOTS
        # The slot that is being copied, and when the next word can be.
        self._turn = 0
        self._free = 0
        #: First cycles in which each slot can be used.
        self.complete = [NEVER] * TABLE_SLOTS

    def load(self, i: Values, cycle: int) -> None:
        """Tell when the first word of a LOAD is written."""
        address, count = i["address"], words(i, 4 * self._entries)
        pieces = []
        for slot in range(TABLE_SLOTS):
            low = max(address - slot * self._slot_words, 0)
            high = min(address + count - slot * self._slot_words, self._slot_words)
            if low < high:
                pieces.append((slot, low, high))
        if self._entries == 1:
            # A word is an entry, and goes where it belongs at once.
            for slot, _, _ in pieces:
                self.complete[slot] = cycle + count
            return
        self._copy(cycle + _BEGIN)
        for slot, low, high in pieces:
            if self._first[slot] < self._end[slot]:
                low, high = min(low, self._first[slot]), max(high, self._end[slot])
            self._first[slot], self._end[slot] = low, high
        time = self._free
        for slot in self._order():
            time += (self._end[slot] - self._first[slot]) * self._entries
            self.complete[slot] = time + _COMPLETE

    def _order(self) -> list[int]:
        """Return the slots with words that are still to be copied, in the order of copying."""
        slots = sorted(range(TABLE_SLOTS), key=lambda slot: slot != self._turn)
        return [slot for slot in slots if self._first[slot] < self._end[slot]]

    def _copy(self, cycle: int) -> None:
        """Copy the words that are begun before a cycle."""
        for slot in self._order():
            begun = max(0, -(-(cycle - self._free) // self._entries))
            copied = min(begun, self._end[slot] - self._first[slot])
            if copied:
                self._turn = slot
            self._first[slot] += copied
            self._free += copied * self._entries
        self._free = max(self._free, cycle)
