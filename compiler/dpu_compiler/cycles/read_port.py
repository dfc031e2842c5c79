# SPDX-License-Identifier: Apache-2.0
"""Cycles of the read bus: ``dpu_hw.dma.reader``, and the memory behind it."""

from __future__ import annotations

from collections import deque

from dpu_compiler.cycles.cut import Cut
from dpu_compiler.cycles.engine import NEVER
from dpu_compiler.cycles.memory import Memory
from dpu_spec.configuration import Configuration

#: Beats of loads in flight from which on no load asks for more (``dma.bus``).
LOAD_BEATS = 128
#: From a beat on the bus to when its place is seen to be free: the queue, the count, ``room``.
_FREED = 3


class ReadPort:
    """The bursts of fetch and loads take turns; the memory answers them in order."""

    def __init__(self, configuration: Configuration, memory: Memory, fetch: Cut, load: Cut) -> None:
        self._memory = memory
        self._outstanding = configuration.read_outstanding
        self._fetch, self._load = fetch, load
        self._load_turn = False
        # The latest request, and the latest of a load; the latest beat.
        self._asked = self._asked_load = NEVER
        self._busy = NEVER
        # Bursts that were asked for and haven't begun: when, beats, whether of a load.
        self._waiting: deque[tuple[int, int, bool]] = deque()
        # Last beats of the latest bursts that have begun.
        self._lasts: deque[int] = deque(maxlen=self._outstanding)
        # Of loads: beats, first and last, and the beats of those that haven't begun.
        self._loads: deque[tuple[int, int, int]] = deque()
        self._load_beats = 0

    def next(self) -> tuple[int, bool] | None:
        """Return when the next burst is asked for, and whether of a load, as things are now.

        None: there is none, or it can't be asked for before others have begun.
        """
        fetch, load = self._fetch.head(), self._load.head()
        if fetch is None and load is None:
            return None
        free = self._asked + 1
        # The burst that must have ended before.
        behind = self._outstanding - len(self._waiting)
        if behind <= 0:
            return None
        if len(self._lasts) >= behind:
            free = max(free, self._lasts[-behind] + 2)
        load_at = self._room(max(load, free)) if load is not None else None
        if fetch is None:
            return None if load_at is None else (load_at, True)
        fetch_at = max(fetch, free)
        if load_at is None or fetch_at < load_at:
            return fetch_at, False
        return load_at, load_at < fetch_at or self._load_turn

    def _room(self, cycle: int) -> int | None:
        """Return the first cycle from one on in which few enough beats of loads are in flight."""
        loads = self._loads
        while loads and loads[0][2] + _FREED <= cycle:
            loads.popleft()
        excess = sum(beats for beats, _, _ in loads) + self._load_beats - LOAD_BEATS + 1
        # What was asked for a cycle ago isn't counted yet.
        if excess <= 0 or (
            cycle == self._asked_load + 1 and self._waiting and excess <= self._waiting[-1][1]
        ):
            return cycle
        for beats, first, last in loads:
            if excess <= beats:
                come = first + -(-(excess - 1) * (last - first) // max(1, beats - 1))
                return max(cycle, come + _FREED)
            excess -= beats
        return None

    def ask(self, cycle: int, of_load: bool) -> None:
        """Ask for the next burst."""
        cut = self._load if of_load else self._fetch
        beats = cut.beats()
        cut.leave(cycle)
        self._load_turn = not of_load
        self._asked = cycle
        if of_load:
            self._asked_load = cycle
            self._load_beats += beats
        self._waiting.append((cycle, beats, of_load))

    def begins(self) -> int | None:
        """Return when the next burst's first beat comes; None: none was asked for."""
        if not self._waiting:
            return None
        memory = self._memory
        return max(self._waiting[0][0] + 1 + memory.read_latency, self._busy + memory.beat_cycles)

    def begin(self) -> tuple[int, bool]:
        """Let that burst begin; return its beats, and whether it is a load's."""
        _, beats, of_load = self._waiting.popleft()
        if of_load:
            self._load_beats -= beats
        return beats, of_load

    def came(self, beats: int, first: int, last: int, of_load: bool) -> None:
        """Tell when the beats of that burst come."""
        self._busy = last
        self._lasts.append(last)
        if of_load:
            self._loads.append((beats, first, last))
