# SPDX-License-Identifier: Apache-2.0
"""Cycles of cutting runs into bursts: ``dpu_hw.dma.bursts``."""

from __future__ import annotations

from collections.abc import Sequence

from dpu_compiler.cycles.engine import NEVER

#: From a run to its first burst in the queue: the window, its ends, its blocks.
_STAGES = 3


class Cut:
    """Runs on their way through three stages, each for one run, to a queue of two bursts.

    What a stage can take depends on when bursts leave the queue, so that times become known as
    they do.
    """

    def __init__(self) -> None:
        # For each run: when it was taken, and its bursts' beats.
        self._taken: list[int] = []
        self._runs: list[Sequence[int]] = []
        #: When each run's last burst was queued, as far as that is known.
        self._finished: list[int] = []
        # Of the next burst to be queued: its run, its place there.
        self._run = self._place = 0
        # When bursts were queued, and chosen, one after the other.
        self._queued: list[int] = []
        self._sizes: list[int] = []
        self._left = 0
        self._chosen = [NEVER, NEVER]

    def room(self) -> int | None:
        """Return the first cycle in which another run can be taken; None: not known yet."""
        index = len(self._taken)
        if not index:
            return 0
        if index < 3:
            return self._taken[-1] + 1
        if index - 3 >= len(self._finished):
            return None
        return max(self._taken[-1] + 1, self._finished[index - 3])

    def take(self, cycle: int, beats: Sequence[int]) -> None:
        """Take a run with its bursts' beats; there must be room."""
        self._taken.append(cycle)
        self._runs.append(beats)
        self._queue()

    def head(self) -> int | None:
        """Return from when on the next burst is there; None: there is none."""
        return self._queued[self._left] + 1 if self._left < len(self._queued) else None

    def beats(self) -> int:
        """Return the beats of the next burst."""
        return self._sizes[self._left]

    def leave(self, cycle: int) -> None:
        """Let the next burst leave the queue."""
        self._left += 1
        self._chosen = [self._chosen[1], cycle]
        self._queue()

    def _queue(self) -> None:
        # There is room for a burst once the one two before it has left.
        while self._run < len(self._runs) and len(self._queued) < self._left + 2:
            # The burst two before is the latest that left, or the one before that.
            before = self._chosen[1] if len(self._queued) == self._left + 1 else self._chosen[0]
            at = self._taken[self._run] + _STAGES
            if self._run:
                at = max(at, self._finished[self._run - 1] + 1)
            if self._queued:
                at = max(at, self._queued[-1] + 1)
            self._queued.append(max(at, before + 1))
            self._sizes.append(self._runs[self._run][self._place])
            self._place += 1
            if self._place == len(self._runs[self._run]):
                self._finished.append(self._queued[-1])
                self._run, self._place = self._run + 1, 0
