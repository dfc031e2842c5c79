# SPDX-License-Identifier: Apache-2.0
"""Which scratchpad words are live when, and for which feature map.

A word is live from the start of the instruction that writes it to the end of the last one that
reads it before it is written again. Beside that stands what is *reserved*: whole rings of rows,
from their first write to their last read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from dpu_host.profile.execution import Executed, Execution
from dpu_host.profile.words import Addresses, words_read, words_written
from dpu_spec.program import Mark

#: A feature map: the model's tensor, or -1 for data that the model doesn't name; the layer.
Map = tuple[int, int]
#: Cycle and change of a number of words.
Change = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Steps:
    """A number of words over time: ``words[i]`` from cycle ``times[i]`` on, 0 before the first."""

    times: list[int]
    words: list[int]

    @property
    def peak(self) -> int:
        """The largest number."""
        return max(self.words, default=0)


@dataclasses.dataclass(frozen=True)
class Occupancy:
    """Live words by feature map, of all maps together, and words of reserved rings."""

    maps: dict[Map, Steps]
    live: Steps
    reserved: Steps


def steps(changes: Iterable[Change]) -> Steps:
    """Sum changes up."""
    total: dict[int, int] = {}
    for time, words in changes:
        total[time] = total.get(time, 0) + words
    found = Steps([], [])
    now = 0
    for time in sorted(total):
        if total[time]:
            now += total[time]
            found.times.append(time)
            found.words.append(now)
    return found


def occupancy(execution: Execution) -> Occupancy:
    """Follow every word of the scratchpad through an inference."""
    changes: dict[Map, list[Change]] = {}
    reserved: list[Change] = []
    for number in range(len(execution.runs)):
        words = _Words(execution)
        for each in execution.by_start():
            if each.run == number:
                words.see(each)
        for key, mine in words.end().items():
            changes.setdefault(key, []).extend(mine)
        reserved += words.rings()
    return Occupancy(
        {key: steps(mine) for key, mine in changes.items()},
        steps(change for mine in changes.values() for change in mine),
        steps(reserved),
    )


def _map_of(mark: Mark) -> Map:
    return (mark.tensor, -1) if mark.tensor >= 0 else (-1, mark.layer)


class _Words:
    """The scratchpad in one run: who wrote each word, when, and when it was read last."""

    def __init__(self, execution: Execution) -> None:
        configuration = execution.program.configuration
        self._lanes = configuration.lanes
        size = configuration.scratchpad_words
        self._writer = np.full(size, -1, np.int64)
        self._written = np.zeros(size, np.int64)
        self._last = np.zeros(size, np.int64)
        #: What writers refer to: a map in a ring.
        self._places: dict[tuple[Map, int, int], int] = {}
        self._spans: list[list[int]] = []
        self._changes: dict[Map, list[Change]] = {}

    def see(self, each: Executed) -> None:
        """Follow the next instruction; they come in the order in which they were taken."""
        read = words_read(each.instruction, self._lanes)
        if read.size:
            self._last[read] = np.maximum(self._last[read], each.end + 1)
            for place in np.unique(self._writer[read]):
                if place >= 0:
                    self._spans[place][1] = max(self._spans[place][1], each.end + 1)
        written = words_written(each.instruction, self._lanes)
        if written.size:
            self._close(written)
            self._writer[written] = self._place(each)
            self._written[written] = each.start
            self._last[written] = each.end + 1

    def end(self) -> dict[Map, list[Change]]:
        """Close what is live; return the changes of each map."""
        self._close(np.arange(self._writer.size))
        return self._changes

    def rings(self) -> list[Change]:
        """Return the changes of what is reserved."""
        found = []
        for (_, _, words), (first, last) in zip(self._places, self._spans, strict=True):
            found += [(first, words), (last, -words)]
        return found

    def _place(self, each: Executed) -> int:
        v = each.instruction.values
        prefix = "out_" if "out_ring_start" in v else ""
        key = _map_of(each.mark), v[f"{prefix}ring_start"], v[f"{prefix}ring_words"]
        if key not in self._places:
            self._places[key] = len(self._spans)
            self._spans.append([each.start, each.end + 1])
        place = self._places[key]
        self._spans[place][1] = max(self._spans[place][1], each.end + 1)
        return place

    def _close(self, addresses: Addresses) -> None:
        """End the lives of words that are about to be written again."""
        used = addresses[self._writer[addresses] >= 0]
        if not used.size:
            return
        lives = np.stack([self._writer[used], self._written[used], self._last[used]])
        maps = [key for key, _, _ in self._places]
        found, counts = np.unique(lives, axis=1, return_counts=True)
        for (place, first, last), count in zip(found.T.tolist(), counts.tolist(), strict=True):
            mine = self._changes.setdefault(maps[place], [])
            mine += [(first, count), (last, -count)]
        self._writer[used] = -1
