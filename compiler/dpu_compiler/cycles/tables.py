# SPDX-License-Identifier: Apache-2.0
"""Cycles of copying tables to the vector unit's lanes: ``dpu_hw.vector.table_loader``."""

from __future__ import annotations

from dpu_compiler.cycles.bursts import words
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_spec.configuration import Configuration
from dpu_spec.isa import TABLE_ENTRIES, TABLE_SLOTS

#: From the write of a word to its copying, and from an entry to the slot's being complete.
_BEGIN, _COMPLETE = 1, 2


class TableTiming:
    """One range of words is copied, a cycle an entry.

    It grows at both ends to hold all that is loaded meanwhile, so that a load of the other slot,
    or of the same one again, lets what lies between be copied once more.
    """

    def __init__(self, configuration: Configuration) -> None:
        #: Entries of a word.
        self._entries = configuration.lanes // 4
        self._slot_words = 2 * TABLE_ENTRIES // self._entries
        # The range, the cycle in which its first word is copied, and that in which the last is.
        self._first = self._last = 0
        self._begin = self._end = NEVER
        #: First cycles in which each slot can be used.
        self.complete = [NEVER] * TABLE_SLOTS

    def load(self, i: Values, cycle: int) -> None:
        """Tell when the first word of a LOAD is written."""
        slots = range(TABLE_SLOTS)
        address, count = i["address"], words(i, 4 * self._entries)
        if self._entries == 1:
            # A word is an entry, and goes where it belongs at once.
            for slot in slots:
                if address // self._slot_words == slot:
                    self.complete[slot] = cycle + count
            return
        last = address + count - 1
        if cycle + _BEGIN >= self._end:
            self._first, self._last = address, last
            self._begin = cycle + _BEGIN
        else:
            here = self._first + max(0, cycle - self._begin) // self._entries
            self._last = max(self._last, last)
            if address < here:
                self._first, self._begin = address, cycle + _BEGIN
        self._end = self._begin + (self._last - self._first + 1) * self._entries
        for slot in slots:
            if (
                self._first < (slot + 1) * self._slot_words
                and self._last >= slot * self._slot_words
            ):
                end = min(self._last + 1, (slot + 1) * self._slot_words)
                self.complete[slot] = self._begin + (end - self._first) * self._entries + _COMPLETE
