# SPDX-License-Identifier: Apache-2.0
"""Cycles of the depthwise engine: ``dpu_hw.depthwise``."""

from __future__ import annotations

from dpu_compiler.cycles.banks import SlowStreams, row_addresses
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_compiler.cycles.scales import PERIOD, ScaleTiming
from dpu_spec.configuration import Configuration

#: From an instruction's transfer to its geometry, besides a cycle for each bit of the greater of
#: vertical stride and dilation (``depthwise.geometry``).
_GEOMETRY = 4
#: From an instruction in ``depthwise.column_walker`` to its first column in the window: two cycles,
#: four queues and registers, two of the scratchpad, the column's register.
_FIRST_COLUMN = 8
#: Columns from there to the requantizer at most: 17 in ``depthwise.column_fetcher``, one in
#: ``depthwise.window``; and steps: four of that, four in the queue of sums, three in
#: ``depthwise.partial_sums``.
_COLUMNS_AHEAD = 18
_STEPS_AHEAD = 11
#: From an instruction's transfer to its first request of weights: queue, register, block walker.
_FIRST_WEIGHTS = 3
#: From a column in the window to its sums at the requantizer: four more stages of
#: ``depthwise.window``, the queue of sums, three of ``depthwise.partial_sums``.
_SUM = 8
#: From there to the write of its pixel, and the cycle of ``done``: ten cycles of the requantizer,
#: the write's register.
_RESULT = 12


class DepthwiseTiming:
    """DEPTHWISE: a step a cycle; its words leave every ``lanes / requantizers`` cycles.

    A step is a part of a column, or of two where one of them only meets the second weights.
    """

    def __init__(self, configuration: Configuration, slow: SlowStreams) -> None:
        self._slow = slow
        #: Cycles of a word at the requantizer.
        self._cycles = configuration.lanes // configuration.depthwise_requantizers
        #: Steps of a word at the multipliers.
        self._parts = configuration.depthwise_parts
        self._weights = ScaleTiming()
        #: First cycle in which the next instruction can be taken.
        self.ready: int | None = 0
        self._walked = self._ended = NEVER

    def run(self, i: Values, taken: int) -> int:
        """Return when an instruction that is taken in a cycle is done."""
        rows, columns, blocks = i["rows"], i["columns"], i["blocks"]
        fetched, row, pixel, first = self._row(i)
        word = self._cycles if i["last"] else 0
        cycles = rows * max(row, columns * word)
        bits = max(i["stride_y"].bit_length(), i["dilation_y"].bit_length())
        walks = max(taken + _GEOMETRY + bits, self._walked)
        column = start = walks + _FIRST_COLUMN
        before = self._ended
        request = max(taken + _FIRST_WEIGHTS, self._weights.requested + 2)
        # From the third block on every block is like the one before.
        singly = min(blocks, 3)
        for _ in range(singly):
            column = max(column, self._weights.request(request), self._ended + 1)
            request = self._weights.requested + 1
            self._ended = column + cycles - 1
            self._weights.used(self._ended)
        if blocks > singly:
            period = max(cycles, PERIOD)
            self._weights.skip(blocks - singly, period)
            self._ended += (blocks - singly) * period
        # Where words are slower than steps, they begin with the first pixel's first part.
        begins = first - self._parts + 1
        slow = columns * word > row
        last = self._ended + _SUM + (begins if slow else max(0, word // self._parts - 1))
        ahead = _COLUMNS_AHEAD * cycles // (rows * fetched) + _STEPS_AHEAD * cycles // (rows * row)
        self._walked = max(walks + blocks * rows * fetched, last - ahead)
        self.ready = walks + 1
        if i["last"] and max(pixel, word) == 2:
            cycle = max(start, before + 1) + first + _SUM + _RESULT
            for address in row_addresses(i, "out_"):
                self._slow.add(cycle, address, columns)
                cycle += cycles // rows
        return last + _RESULT

    def _row(self, i: Values) -> tuple[int, int, int, int]:
        """Return of a row: columns fetched, steps, steps of a pixel, steps before its first."""
        columns, parts = i["columns"], self._parts
        if i["dilation_x"] == 1 and i["stride_x"] == 1:
            # Neighbouring pixels share two columns, others one or none.
            return columns + 2, (columns + 2) * parts, parts, 3 * parts - 1
        new = 2 if i["dilation_x"] == 1 and i["stride_x"] == 2 else 3
        fetched = (columns - 1) * new + 3
        if parts == 1:
            return fetched, fetched, new, 2
        # The column that only the middle weights meet takes no step of its own.
        pixel = (new - 1) * parts
        return fetched, (columns - 1) * pixel + 2 * parts, pixel, 2 * parts - 1
