# SPDX-License-Identifier: Apache-2.0
"""Search for the tiles and rings with which the cycle model finds a step's program fastest."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from dpu_compiler.constants import Chunk
from dpu_compiler.cost import simulate
from dpu_compiler.emit import Emitter
from dpu_compiler.errors import CapacityError
from dpu_compiler.featuremap import FeatureMap
from dpu_compiler.issue import Buffer, Issue
from dpu_compiler.layer import Tiling
from dpu_compiler.layers.convolution import ArrayLayer
from dpu_compiler.placement import place_tasks
from dpu_compiler.synchronize import Synchronizer
from dpu_compiler.translate import StepBuilder
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import WINDOW_ARENA, WINDOW_OUTPUT

#: Tilings that are tried; the first are good for most networks. Small tiles let the engines overlap
#: more closely, large ones waste fewer cycles between passes.
TILINGS = (
    Tiling(64, 64, ahead=2),
    Tiling(32, 32, ahead=2),
    Tiling(64, 32, ahead=2),
    Tiling(128, 64),
    Tiling(24, 24, ahead=2),
    Tiling(128, 128, ahead=2),
    Tiling(32, 32, whole=1 / 8, ahead=2),
    Tiling(64, 64, whole=1 / 8),
    Tiling(256, 128),
)
#: Instructions that may be emitted in all, to keep compiling quick: by then the best is taken.
LIMIT = 60000


@dataclasses.dataclass(frozen=True)
class Choice:
    """What a search has chosen: a tiling, and the tensors whose readers follow their writer."""

    tiling: Tiling
    follow: frozenset[int]

    def apply(self, builder: StepBuilder) -> None:
        """Let the readers of these tensors follow their writers."""
        for layer in builder.layers:
            for feature_map in layer.inputs:
                feature_map.follow = feature_map.tensor in self.follow


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A step's instructions, and how many cycles the cycle model expects of them."""

    emitter: Emitter
    streams: dict[Engine, list[Issue]]
    cycles: int
    choice: Choice


def schedule(builder: StepBuilder, tiling: Tiling, resident: Mapping[Chunk, int]) -> Schedule:
    """Place a step's maps, order its tasks and emit its instructions.

    ``resident`` are the constants that are on the chip before, and where.

    Raises
    ------
    CapacityError
        The step does not fit.
    """
    configuration = builder.configuration
    emitter = Emitter(configuration, resident)
    for task in place_tasks(builder, tiling):
        task.layer.emit(emitter, task.first, task.last)
    sizes = builder.memory.sizes
    synchronizer = Synchronizer(
        configuration, {Buffer.ARENA: sizes[WINDOW_ARENA], Buffer.OUTPUT: sizes[WINDOW_OUTPUT]}
    )
    for issue in emitter.issues:
        synchronizer.add(issue)
    streams = {engine: issues for engine, issues in synchronizer.streams.items() if issues}
    timings = simulate(_instructions(streams), configuration)
    cycles = max((timing[-1].end for timing in timings.values() if timing), default=0)
    follow = frozenset(m.tensor for layer in builder.layers for m in layer.inputs if m.follow)
    return Schedule(emitter, streams, cycles, Choice(tiling, follow))


def _instructions(streams: Mapping[Engine, list[Issue]]) -> dict[Engine, list[Instruction]]:
    return {engine: [issue.instruction for issue in issues] for engine, issues in streams.items()}


class _Search:
    """The best schedule so far, and what may still be tried."""

    def __init__(self, builder: StepBuilder, resident: Mapping[Chunk, int]) -> None:
        self.builder = builder
        self.resident = resident
        self.best: Schedule | None = None
        self.left = LIMIT

    def attempt(self, tiling: Tiling) -> bool:
        """Try a tiling; tell whether it is the best so far."""
        try:
            found = schedule(self.builder, tiling, self.resident)
        except CapacityError:
            if self.best is None:
                raise
            return False
        self.left -= len(found.emitter.issues)
        if self.best is not None and found.cycles >= self.best.cycles:
            return False
        self.best = found
        return True


def best_schedule(
    builder: StepBuilder,
    resident: Mapping[Chunk, int] | None = None,
    begin: Choice | None = None,
) -> Schedule:
    """Return the fastest schedule that is found.

    First all tilings are tried, after the choice to ``begin`` with if there is one; then layers
    whose drain takes longer than their sums: one that follows its producer closely, row by row, is
    drained while the array works for others.
    """
    search = _Search(builder, resident or {})
    tilings = list(TILINGS)
    if begin is not None:
        begin.apply(builder)
        tilings.sort(key=lambda tiling: tiling != begin.tiling)
    for tiling in tilings:
        if search.best is not None and search.left < LIMIT / 2:
            break
        search.attempt(tiling)
    assert search.best is not None
    for feature_map in _drained_slowly(builder):
        if search.left < 0:
            break
        if not feature_map.follow:
            feature_map.follow = True
            feature_map.follow = search.attempt(search.best.choice.tiling)
    return search.best


def _drained_slowly(builder: StepBuilder) -> list[FeatureMap]:
    """Return the maps that layers read whose drain takes longer than their sums, largest first."""
    configuration = builder.configuration
    word = configuration.lanes // configuration.conv_requantizers
    maps = {
        layer.inputs[0]
        for layer in builder.layers
        if isinstance(layer, ArrayLayer)
        and layer.output.blocks * word > layer.passes
        and layer.inputs[0].height > 1
    }
    return sorted(maps, key=lambda m: -m.full_words)
