# SPDX-License-Identifier: Apache-2.0
"""Layers: what one engine does to make one feature map, row by row."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from dpu_compiler.featuremap import FeatureMap

if TYPE_CHECKING:
    from dpu_compiler.emit import Emitter


@dataclasses.dataclass(frozen=True)
class Window:
    """A sliding window: kernel, stride, dilation and padding before, each (rows, columns)."""

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)

    @property
    def row_step(self) -> int:
        """Largest step between rows that instructions take."""
        return max(self.stride[0], self.dilation[0])

    def rows(self, first: int, last: int, height: int) -> tuple[int, int]:
        """Return the rows of an input of ``height`` that some output rows read: (first, end).

        ``last`` is exclusive. The range is empty where all rows lie outside.
        """
        start = first * self.stride[0] - self.before[0]
        end = (last - 1) * self.stride[0] - self.before[0]
        end += (self.kernel[0] - 1) * self.dilation[0] + 1
        start, end = min(max(start, 0), height), min(max(end, 0), height)
        return (start, end) if start < end else (start, start)


@dataclasses.dataclass(frozen=True)
class Tiling:
    """How large tiles may be.

    ``array_pixels`` and ``other_pixels`` are the most pixels of a tile on the array and on the
    other engines, ``ring_words`` the most words of a map in a ring, if a row has no more. Maps of
    more words than the fraction ``whole`` of the scratchpad get rings, with room for ``ahead``
    tiles of a writer beside the rows that readers need.
    """

    array_pixels: int
    other_pixels: int
    ring_words: int = 0
    whole: float = 1.0
    ahead: int = 1


@dataclasses.dataclass(eq=False)
class Layer:
    """A step of the network for one engine. ``operator`` is the model's operator, for reports."""

    operator: int
    inputs: list[FeatureMap]
    output: FeatureMap | None
    #: Rows that one task makes; planning sets it.
    tile_rows: int = dataclasses.field(default=1, init=False)

    @property
    def rows(self) -> int:
        """Rows that the layer makes in all."""
        if self.output is None:
            return self.inputs[0].height
        return self.output.height

    @property
    def is_transfer(self) -> bool:
        """Whether it only moves a tensor between DRAM and the scratchpad."""
        return False

    @property
    def row_step(self) -> int:
        """Largest step between input rows, which a ring must exceed."""
        return 1

    def input_rows(self, index: int, first: int, last: int) -> tuple[int, int]:
        """Return the rows (first, end) of an input that output rows read."""
        raise NotImplementedError

    def plan_tile(self, tiling: Tiling) -> None:
        """Choose ``tile_rows``."""
        self.fit_tile(tiling.other_pixels, tiling.ring_words)

    def fit_tile(self, pixels: int, ring_words: int) -> None:
        """Choose ``tile_rows``: at most so many pixels, and so many words of maps kept in rings."""
        width = self.output.width if self.output is not None else self.inputs[0].width
        # Equal tiles, of a tenth more pixels if that saves one: a short last tile costs as much as
        # a long one where the engines wait for each other.
        count = -(-self.rows * width * 10 // (pixels * 11))
        rows = -(-self.rows // min(count, self.rows))
        for index, source in enumerate(self.inputs):
            if source.is_ring:
                _, high = self.input_rows(index, 0, 1)
                _, next_high = self.input_rows(index, 1, 2)
                step = max(1, next_high - high)
                rows = min(rows, max(1, ring_words // (source.row_stride * step)))
        if self.output is not None and self.output.is_ring:
            rows = min(rows, max(1, ring_words // self.output.row_stride))
        self.tile_rows = rows

    def emit(self, emitter: Emitter, first: int, last: int) -> None:
        """Emit the instructions that make output rows ``first`` to ``last`` (exclusive)."""
        raise NotImplementedError
