# SPDX-License-Identifier: Apache-2.0
"""Tiles: rectangles of output pixels that fit an on-chip buffer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Tile:
    """Output rows and columns of one instruction."""

    row: int
    rows: int
    column: int
    columns: int

    @property
    def pixels(self) -> int:
        """Pixels in the tile."""
        return self.rows * self.columns


def tiles(first: int, last: int, width: int, pixels: int, limit: int = 1023) -> Iterator[Tile]:
    """Cut rows ``first`` to ``last`` of ``width`` columns into tiles of at most so many pixels.

    ``limit`` is the largest count that the instruction's fields hold. Tiles are as equal as can be,
    since a short last tile costs as much as a long one where the array's depth is the limit.
    """
    parts = -(-width // min(width, pixels, limit))
    for part in range(parts):
        start, end = width * part // parts, width * (part + 1) // parts
        height = max(1, min(pixels // (end - start), limit, last - first))
        groups = -(-(last - first) // height)
        for group in range(groups):
            top = first + (last - first) * group // groups
            bottom = first + (last - first) * (group + 1) // groups
            yield Tile(top, bottom - top, start, end - start)
