# SPDX-License-Identifier: Apache-2.0
"""Cycles of reading a block's nine words of parameters: ``dpu_hw.requantize.block_loader``."""

from __future__ import annotations

from dpu_compiler.cycles.engine import NEVER

#: From a request to its words, and to the next request at the least.
_WORDS, PERIOD = 11, 10


class ScaleTiming:
    """Blocks of parameters, read while the block before is used: two are held."""

    def __init__(self) -> None:
        #: Cycle of the latest request.
        self.requested = NEVER
        # When the last block was used for the last time, and the one before.
        self._used = self._used_before = NEVER

    def request(self, earliest: int) -> int:
        """Request the next block; return the first cycle in which it can be used."""
        self.requested = max(earliest, self.requested + PERIOD, self._used_before + 1)
        return self.requested + _WORDS

    def used(self, cycle: int) -> None:
        """Tell when that block is used for the last time."""
        self._used_before, self._used = self._used, cycle

    def skip(self, blocks: int, period: int) -> None:
        """Take so many more blocks as read and used, each a period after the one before."""
        self.requested += blocks * period
        self._used += blocks * period
        self._used_before = self._used - period
