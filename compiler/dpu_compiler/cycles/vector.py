# SPDX-License-Identifier: Apache-2.0
"""Cycles of the vector unit: ``dpu_hw.vector``."""

from __future__ import annotations

from dpu_compiler.cycles.banks import SlowStreams, row_addresses
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_compiler.cycles.tables import TableTiming
from dpu_spec.configuration import Configuration
from dpu_spec.isa import ADD, TABLE

#: From an instruction's transfer to its first word in ``vector.slicer``: the pieces' register, two
#: cycles of ``vector.window_walker``, queues of addresses and words, two of the scratchpad.
_FIRST_WORD = 7
#: From a word's read to its first slice, where nothing has been read ahead.
_READ = 3
#: From a slice in ``vector.slicer`` to its word's write, and the cycle of ``done``: its register,
#: three stages of ``vector.arithmetic``, nine of the requantizer, the word's register, the queue,
#: the pulse's register.
_RESULT = 16
#: Words whose output addresses wait, in ``vector.pixel_walker`` and in the queue behind it.
_ADDRESSES = 3
#: Words fetched ahead, on their way included (``vector.fetch``).
_WORDS_AHEAD = 11


class VectorTiming:
    """ADD, MULTIPLY, ACCUMULATE, MAXIMUM, TABLE: a slice of ``vector_lanes`` values a cycle."""

    def __init__(
        self, configuration: Configuration, reads: SlowStreams, writes: SlowStreams
    ) -> None:
        self._reads, self._writes = reads, writes
        self._slices = configuration.lanes // configuration.vector_lanes
        #: First cycle in which the next instruction can be taken.
        self.ready: int | None = 0
        self._sliced = NEVER
        #: The tables.
        self.tables = TableTiming(configuration)

    def waits(self, i: Values, taken: int) -> int | None:
        """Return when an instruction's tables will be complete if nothing else is loaded.

        None: it needn't wait for them.
        """
        if i["opcode"] not in (ADD.opcode, TABLE.opcode):
            return None
        complete = self.tables.complete[i["slot"]]
        return complete if complete > max(taken + 1, self._sliced) else None

    def run(self, i: Values, taken: int) -> int:
        """Return when an instruction that is taken in a cycle is done."""
        words = i["rows"] * i["columns"] * i["blocks"]
        slices = self._slices * i["kernel_h"] * i["kernel_w"]
        first = max(taken + _FIRST_WORD, self._sliced + 1)
        # The piece is there in the next cycle, and is used from the one after on.
        takes = max(taken + 1, self._sliced)
        if i["opcode"] in (ADD.opcode, TABLE.opcode):
            takes = max(takes, self.tables.complete[i["slot"]])
            first = max(first, takes + 1)
        before = self._sliced
        self._sliced = first + words * slices - 1
        # The next instruction is taken apart once all parts have their pieces of this one: the
        # output's addresses go out with the words of the instruction before.
        addresses = before + _RESULT - 1 - (_ADDRESSES - 1) * slices
        self.ready = max(takes + 1, addresses, taken + 2)
        if slices == 2:
            for n, (a, o) in enumerate(
                zip(row_addresses(i), row_addresses(i, "out_"), strict=True)
            ):
                cycle = first + 2 * n * i["columns"]
                self._reads.add(cycle - _READ, a + i["x0"], i["columns"])
                self._writes.add(cycle + 1 + _RESULT, o, i["columns"])
        return self._sliced + _RESULT
