# SPDX-License-Identifier: Apache-2.0
"""Cycles of the drain: ``dpu_hw.conv.drain``."""

from __future__ import annotations

from itertools import islice

from dpu_compiler.cycles.banks import SlowStreams, row_addresses
from dpu_compiler.cycles.engine import NEVER, Values
from dpu_compiler.cycles.scales import ScaleTiming
from dpu_spec.configuration import Configuration

#: From an instruction in ``conv.output_walker`` to its first word at the requantizer: three
#: stages, the accumulators' two, the queue of words.
_FIRST_WORD = 6
#: Words on that way at most.
_WORDS_AHEAD = 11
#: From a word's last part at the requantizer to its write: nine stages and the queue of results.
_RESULT = 10


class DrainTiming:
    """DRAIN: a word every ``lanes / requantizers`` cycles."""

    def __init__(self, configuration: Configuration, slow: SlowStreams) -> None:
        self._slow = slow
        self._parts = configuration.lanes // configuration.conv_requantizers
        self._scales = ScaleTiming()
        #: First cycle in which the next instruction can be taken.
        self.ready: int | None = 0
        self._walked = self._ended = NEVER

    def run(self, i: Values, taken: int) -> int:
        """Return when an instruction that is taken in a cycle is done."""
        cycles = i["rows"] * i["columns"] * self._parts
        walks = max(taken + 1, self._walked)
        first = walks + _FIRST_WORD
        scales = self._scales
        addresses = row_addresses(i)
        request = taken + 1
        for _ in range(i["blocks"]):
            here = scales.request(request)
            request = scales.requested + 1
            first = max(first, here, self._ended + 1)
            self._ended = first + cycles - 1
            scales.used(self._ended)
            if self._parts == 2:
                for row in islice(addresses, i["rows"]):
                    self._slow.add(first + 1 + _RESULT, row, i["columns"])
                    first += 2 * i["columns"]
        self._walked = max(
            walks + i["rows"] * i["columns"] * i["blocks"],
            self._ended - _WORDS_AHEAD * self._parts,
        )
        self.ready = max(walks, scales.requested)
        return self._ended + _RESULT
