# SPDX-License-Identifier: Apache-2.0
"""Tensors as they lie on the chip and in DRAM."""

from __future__ import annotations

import dataclasses
import enum

import numpy as np
import numpy.typing as npt

from dpu_spec.configuration import Configuration

Addresses = npt.NDArray[np.int64]


class Layout(enum.Enum):
    """How a feature map's words hold its elements."""

    #: A word is one pixel's block of ``lanes`` channels; rows of [block][column].
    BLOCKED = "blocked"
    #: Rows of plain bytes, [column][channel], each row beginning at a word.
    PLAIN = "plain"
    #: As PLAIN, but one plane a channel: rows of [column], planes one after the other.
    PLANAR = "planar"


@dataclasses.dataclass(eq=False)
class FeatureMap:
    """A tensor in the scratchpad.

    Planning sets ``ring_rows`` (rows that it keeps; the height if all) and allocation ``base``.
    With ``follow`` it is a ring even where it would fit, so that its readers follow its writer
    closely.
    """

    tensor: int
    name: str
    height: int
    width: int
    channels: int
    layout: Layout
    zero_point: int
    configuration: Configuration
    ring_rows: int = 0
    base: int = -1
    follow: bool = False

    def __post_init__(self) -> None:
        self.ring_rows = self.height

    @property
    def blocks(self) -> int:
        """Channel blocks of a pixel."""
        if self.layout is not Layout.BLOCKED:
            return 1
        return -(-self.channels // self.configuration.lanes)

    @property
    def planes(self) -> int:
        """Planes, each with a ring of its own."""
        return self.channels if self.layout is Layout.PLANAR else 1

    @property
    def row_bytes(self) -> int:
        """Bytes of a plain row."""
        return self.width * (self.channels if self.layout is Layout.PLAIN else 1)

    @property
    def columns(self) -> int:
        """Words of a row and block."""
        if self.layout is Layout.BLOCKED:
            return self.width
        return -(-self.row_bytes // self.configuration.lanes)

    @property
    def block_stride(self) -> int:
        """Words from a channel block to the next."""
        return self.columns

    @property
    def row_stride(self) -> int:
        """Words from a row to the next: odd, so that neighbouring rows lie in different banks."""
        words = self.blocks * self.columns
        return words if self.height == 1 or words % 2 else words + 1

    @property
    def plane_words(self) -> int:
        """Words of one plane."""
        return self.ring_rows * self.row_stride

    @property
    def words(self) -> int:
        """Words that it takes in the scratchpad."""
        return self.planes * self.plane_words

    @property
    def full_words(self) -> int:
        """Words that it would take with all its rows."""
        return self.planes * self.height * self.row_stride

    @property
    def is_ring(self) -> bool:
        """Whether it keeps fewer rows than it has."""
        return self.ring_rows < self.height

    def view_ring_rows(self, step: int) -> int:
        """Height of the ring as instructions see it, for row steps of up to ``step``.

        Steps must be smaller than the ring. Where all rows are kept the ring may reach beyond them,
        since no row outside the map is ever accessed.
        """
        return self.ring_rows if self.is_ring else max(self.height, step + 1)

    def row_address(self, row: int, step: int = 1) -> int:
        """Word where a row begins (a virtual one for rows outside), in a ring for such steps."""
        return self.base + (row % self.view_ring_rows(step)) * self.row_stride

    def addresses(
        self, rows: range, blocks: range | None = None, columns: range | None = None
    ) -> Addresses:
        """Return the words of some rows, blocks and columns (all if None)."""
        r = self.base + (np.arange(rows.start, rows.stop) % self.ring_rows) * self.row_stride
        b_range = range(self.blocks) if blocks is None else blocks
        c_range = range(self.columns) if columns is None else columns
        b = np.arange(b_range.start, b_range.stop) * self.block_stride
        c = np.arange(c_range.start, c_range.stop)
        planes = np.arange(self.planes) * self.plane_words
        grid = (
            planes[:, None, None, None]
            + r[None, :, None, None]
            + b[None, None, :, None]
            + c[None, None, None, :]
        )
        return grid.ravel()


@dataclasses.dataclass(eq=False)
class DramTensor:
    """A tensor as plain bytes in DRAM, or a regular part of one.

    ``row_stride`` and ``column_stride`` are 0 where rows and pixels follow each other without gaps.
    """

    tensor: int
    window: int
    offset: int
    size: int
    row_stride: int = 0
    column_stride: int = 0


def shape_hwc(shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Return a shape as (height, width, channels), or None where it has none (a real batch)."""
    if len(shape) > 4 or (len(shape) == 4 and shape[0] != 1):
        return None
    padded = (1,) * (3 - len(shape)) + tuple(shape) if len(shape) <= 3 else tuple(shape[1:])
    if len(shape) == 2:
        # [n, c]: n examples, one a row.
        padded = (shape[0], 1, shape[1])
    return padded[0], padded[1], padded[2]
