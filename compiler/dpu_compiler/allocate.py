# SPDX-License-Identifier: Apache-2.0
"""Give every feature map a place in the scratchpad for as long as it lives."""

from __future__ import annotations

import dataclasses

from dpu_compiler.featuremap import FeatureMap
from dpu_compiler.schedule import Task

#: Tasks between the end of a map and the beginning of the next in its place, in the order tried.
_PAUSES = (24, 12, 6, 3, 1, 0)


@dataclasses.dataclass
class _Life:
    first: int
    last: int


def lifetimes(tasks: list[Task]) -> dict[FeatureMap, _Life]:
    """Return the first and the last task that touches each feature map."""
    lives: dict[FeatureMap, _Life] = {}
    for time, task in enumerate(tasks):
        touched = list(task.layer.inputs)
        if task.layer.output is not None:
            touched.append(task.layer.output)
        for feature_map in touched:
            lives.setdefault(feature_map, _Life(time, time)).last = time
    return lives


def allocate(tasks: list[Task], words: int) -> bool:
    """Set every map's ``base``; return whether all fit into so many words.

    A place is not used again at once where there is room: an engine that runs ahead would have to
    wait for the readers of what lay there.
    """
    return any(_allocate(tasks, words, pause) for pause in _PAUSES)


def _allocate(tasks: list[Task], words: int, pause: int) -> bool:
    """Place the largest maps first, each at the lowest place that is free during its life."""
    lives = lifetimes(tasks)
    placed: list[FeatureMap] = []
    for feature_map in sorted(lives, key=lambda m: (-m.words, lives[m].first)):
        life = lives[feature_map]
        busy = sorted(
            (other.base, other.base + other.words)
            for other in placed
            if lives[other].first <= life.last + pause and life.first <= lives[other].last + pause
        )
        base = 0
        for start, end in busy:
            if base + feature_map.words <= start:
                break
            base = max(base, end)
        if base + feature_map.words > words:
            return False
        feature_map.base = base
        placed.append(feature_map)
    return True
