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
#: Words of a map in a ring that a tile may have, likewise.
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
            for whole in _THRESHOLDS:
                if whole <= wanted.whole:
                    yield dataclasses.replace(
                        wanted,
                        array_pixels=min(wanted.array_pixels, configuration.accumulator_bank),
                        ring_words=int(configuration.scratchpad_words * tile),
                        whole=whole,
                        ahead=ahead,
                    )


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
    room = configuration.scratchpad_words
    while True:
        closest: _Attempt | None = None
        for tiling in _tilings(wanted, configuration):
            network = plan(builder.layers, tiling, room)
            tasks = order(network)
            peak = _peak(tasks)
            if peak.words <= room and allocate(tasks, room):
                return tasks
            if closest is None or peak.words < closest.words:
                closest = peak
        assert closest is not None
        cut = _best_cut(builder, closest.live, can_spill)
        if cut is not None:
            spill(builder, cut)
            continue
        cut = _best_cut(builder, closest.live, can_divide)
        if cut is None:
            largest = max(closest.live, key=lambda m: m.words)
            raise CapacityError(
                f"The network does not fit the scratchpad of {room} words: tensor {largest.name} "
                f"takes {largest.words} of the {closest.words} that are needed at once; "
                "use a configuration with a larger scratchpad."
            )
        divide(builder, cut)
