# SPDX-License-Identifier: Apache-2.0
"""Decide which maps are kept whole, which in rings and which go through DRAM, so that all fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from dpu_compiler.allocate import allocate, lifetimes
from dpu_compiler.errors import CapacityError
from dpu_compiler.featuremap import FeatureMap
from dpu_compiler.layer import Tiling
from dpu_compiler.schedule import Task, order, plan
from dpu_compiler.spill import can_divide, can_spill, divide, spill
from dpu_compiler.translate.step import StepBuilder
from dpu_spec.configuration import Configuration

#: Largest maps that are kept whole, as fractions of the scratchpad, in the order that is tried.
_THRESHOLDS = (1, 1 / 2, 1 / 3, 1 / 4, 1 / 6, 1 / 8, 1 / 12, 1 / 16, 1 / 32, 0)
#: Words of a map in a ring that a tile may have, as fractions of the scratchpad, in the order
#: that is tried.
_RING_TILES = (1 / 16, 1 / 64, 0)


@dataclasses.dataclass
class _Attempt:
    """A schedule that does not fit: what lives where it needs most."""

    words: int
    live: list[FeatureMap]


def _peak(tasks: list[Task]) -> _Attempt:
    lives = lifetimes(tasks)
    events = sorted(
        [(life.first, 1, m) for m, life in lives.items()]
        + [(life.last + 1, 0, m) for m, life in lives.items()],
        key=lambda event: event[:2],
    )
    live: dict[FeatureMap, None] = {}
    words, most = 0, _Attempt(0, [])
    for _, begins, feature_map in events:
        if begins:
            live[feature_map] = None
            words += feature_map.words
            if words > most.words:
                most = _Attempt(words, list(live))
        else:
            del live[feature_map]
            words -= feature_map.words
    return most


def _best_cut(
    builder: StepBuilder,
    live: list[FeatureMap],
    possible: Callable[[StepBuilder, FeatureMap], bool],
) -> FeatureMap | None:
    """Choose the map whose way through DRAM parts the live ones most evenly, at the least cost."""
    position: dict[FeatureMap, int] = {}
    for index, layer in enumerate(builder.layers):
        if layer.output is not None:
            position.setdefault(layer.output, index)
    ordered = sorted(live, key=lambda m: position[m])
    best: tuple[float, FeatureMap] | None = None
    for index, feature_map in enumerate(ordered):
        if not possible(builder, feature_map):
            continue
        before = sum(m.words for m in ordered[: index + 1])
        after = sum(m.words for m in ordered[index:])
        cost = max(before, after) + feature_map.full_words / 4
        if best is None or cost < best[0]:
            best = (cost, feature_map)
    return None if best is None else best[1]


def _tilings(wanted: Tiling, configuration: Configuration) -> Iterator[Tiling]:
    """Return tilings that need less and less room, beginning with the wanted one."""
    for ahead in range(wanted.ahead, 0, -1):
        for tile in _RING_TILES:
            yield dataclasses.replace(
                wanted,
                array_pixels=min(wanted.array_pixels, configuration.accumulator_bank),
                ring_words=int(configuration.scratchpad_words * tile),
                ahead=ahead,
            )


class _Fitting:
    """Orders and places a step's tasks with a tiling; what was tightest of all that didn't fit."""

    def __init__(self, builder: StepBuilder, tiling: Tiling) -> None:
        self.layers = builder.layers
        self.tiling = tiling
        self.room = builder.configuration.scratchpad_words
        self.tightest: _Attempt | None = None
        outputs = dict.fromkeys(
            layer.output for layer in builder.layers if layer.output is not None
        )
        self.maps = [m for m in outputs if m.height > 1]

    def run(self) -> list[Task] | None:
        """Return the tasks, or None if they don't fit."""
        tried: list[FeatureMap] | None = None
        for whole in _THRESHOLDS:
            rings = [m for m in self.maps if m.follow or m.full_words > whole * self.room]
            if whole <= self.tiling.whole and rings != tried:
                tried = rings
                if self._try(rings) is not None:
                    return self._relax(rings)
        return None

    def _try(self, rings: list[FeatureMap]) -> list[Task] | None:
        tasks = order(plan(self.layers, self.tiling, rings))
        peak = _peak(tasks)
        if peak.words <= self.room and allocate(tasks, self.room):
            return tasks
        if self.tightest is None or peak.words < self.tightest.words:
            self.tightest = peak
        return None

    def _relax(self, rings: list[FeatureMap]) -> list[Task]:
        """Keep maps whole after all where there is room.

        A layer that needn't be cut finely uses its weights more often once they are loaded.
        """
        for feature_map in reversed(rings):
            small = feature_map.full_words <= min(self.tiling.whole, 1) * self.room
            if small and not feature_map.follow:
                fewer = [m for m in rings if m is not feature_map]
                if self._try(fewer) is not None:
                    rings = fewer
        tasks = self._try(rings)
        assert tasks is not None
        return tasks


def place_tasks(builder: StepBuilder, wanted: Tiling) -> list[Task]:
    """Order a step's tasks and place its maps, as near to the wanted tiling as fits.

    Tried in turn: whole maps, rings for the larger ones, smaller tiles in rings; then, one by one,
    maps that go through DRAM.

    Raises
    ------
    CapacityError
        The network does not fit.
    """
    configuration = builder.configuration
    while True:
        closest: _Attempt | None = None
        for tiling in _tilings(wanted, configuration):
            fitting = _Fitting(builder, tiling)
            tasks = fitting.run()
            if tasks is not None:
                return tasks
            attempt = fitting.tightest
            if closest is None or (attempt is not None and attempt.words < closest.words):
                closest = attempt
        assert closest is not None
        cut = _best_cut(builder, closest.live, can_spill)
        if cut is not None:
            spill(builder, cut)
            continue
        cut = _best_cut(builder, closest.live, can_divide)
        largest = max(closest.live, key=lambda m: m.words)
        # Where one row alone is too large, dividing other maps helps nothing.
        hopeless = largest.height == 1 and largest.words > configuration.scratchpad_words
        if cut is None or (hopeless and not can_divide(builder, largest)):
            raise CapacityError(
                f"The network does not fit the scratchpad of {configuration.scratchpad_words} "
                f"words: tensor {largest.name} takes {largest.words} of the {closest.words} that "
                "are needed at once; use a configuration with a larger scratchpad."
            )
        divide(builder, cut)
