# SPDX-License-Identifier: Apache-2.0
"""Convolutions over maps in channel blocks: one pass for each block and kernel position."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.emit import Emitter
from dpu_compiler.graph import Array
from dpu_compiler.issue import Access, Buffer, span
from dpu_compiler.layers.convolution import ArrayLayer
from dpu_compiler.layers.tiles import Tile
from dpu_spec.isa import CONV
from dpu_spec.program import Mark

#: Kernel rows, kernel columns and channel blocks that an instruction's fields hold.
_KERNEL_LIMIT, _BLOCK_LIMIT = 127, 2047

#: Of so many channel blocks one comes so late that the others shouldn't wait for it.
_LATE = 4


@dataclasses.dataclass(frozen=True)
class Part:
    """A range of the reduction: channel blocks, kernel rows and kernel columns."""

    blocks: range
    rows: range
    columns: range

    @property
    def passes(self) -> int:
        """Weight tiles of the part."""
        return len(self.blocks) * len(self.rows) * len(self.columns)


def _split(count: int, size: int) -> list[range]:
    return [range(i, min(i + size, count)) for i in range(0, count, size)]


def cut_reduction(blocks: int, kernel: tuple[int, int], passes: int) -> list[Part]:
    """Cut a reduction into parts of at most so many passes: by blocks, kernel rows, columns."""
    height, width = kernel
    columns = min(width, _KERNEL_LIMIT, passes)
    rows = min(height, _KERNEL_LIMIT, max(1, passes // columns)) if columns == width else 1
    whole = rows == height and columns == width
    depth = min(blocks, _BLOCK_LIMIT, max(1, passes // (rows * columns))) if whole else 1
    return [
        Part(b, r, c)
        for b in _split(blocks, depth)
        for r in _split(height, rows)
        for c in _split(width, columns)
    ]


class BlockedConvolution(ArrayLayer):
    """CONV_2D or FULLY_CONNECTED over a map in channel blocks."""

    def part_tiles(self, weights: Array) -> list[bytes]:
        """Tiles of [lane][array column] in the order block, kernel row, kernel column."""
        configuration = self.inputs[0].configuration
        lanes, blocks = configuration.lanes, self.inputs[0].blocks
        columns, height, width, channels = weights.shape
        self._reduction = cut_reduction(
            blocks, (height, width), max(1, configuration.weight_rows // (4 * lanes))
        )
        padded = np.zeros((blocks * lanes, height, width, columns), np.int8)
        padded[:channels] = weights.transpose(3, 1, 2, 0)
        ordered = padded.reshape(blocks, lanes, height, width, columns).transpose(0, 2, 3, 1, 4)
        return [
            ordered[
                part.blocks.start : part.blocks.stop,
                part.rows.start : part.rows.stop,
                part.columns.start : part.columns.stop,
            ].tobytes()
            for part in self._reduction
        ]

    def emit_part(
        self, emitter: Emitter, part: int, tile: Tile, place: dict[str, int], *, eager: bool
    ) -> None:
        """Emit one CONV; if ``eager``, one for most of the channels and one for those made last."""
        cut = self._reduction[part]
        late = len(cut.blocks) // _LATE
        if not eager or not late:
            self._emit_cut(emitter, cut, tile, place)
            return
        most = dataclasses.replace(cut, blocks=cut.blocks[:-late])
        self._emit_cut(emitter, most, tile, place)
        weights = place["weights"] + most.passes * self.configuration.lanes
        rest = dataclasses.replace(cut, blocks=cut.blocks[-late:])
        self._emit_cut(emitter, rest, tile, {**place, "clear": 0, "weights": weights})

    def _emit_cut(self, emitter: Emitter, cut: Part, tile: Tile, place: dict[str, int]) -> None:
        source, window = self.inputs[0], self.window
        y0 = tile.row * window.stride[0] - window.before[0] + cut.rows.start * window.dilation[0]
        x0 = tile.column * window.stride[1] - window.before[1]
        x0 += cut.columns.start * window.dilation[1]
        y_end = y0 + (tile.rows - 1) * window.stride[0] + (len(cut.rows) - 1) * window.dilation[0]
        x_end = (
            x0 + (tile.columns - 1) * window.stride[1] + (len(cut.columns) - 1) * window.dilation[1]
        )
        reads = [self.weight_access(place, cut.passes)]
        rows = range(max(y0, 0), min(y_end + 1, source.height))
        columns = range(max(x0, 0), min(x_end + 1, source.width))
        if len(rows) and len(columns):
            reads.append(Access(Buffer.SCRATCHPAD, source.addresses(rows, cut.blocks, columns)))
        sums = span(Buffer.ACCUMULATORS, place["accumulator"], tile.pixels)
        emitter.issue(
            CONV,
            {
                **place,
                "address": source.row_address(y0, self.row_step)
                + cut.blocks.start * source.block_stride,
                "row_stride": source.row_stride,
                "block_stride": source.block_stride,
                "ring_start": source.base,
                "ring_words": source.view_ring_rows(self.row_step) * source.row_stride,
                "rows": tile.rows,
                "columns": tile.columns,
                "stride_y": window.stride[0],
                "stride_x": window.stride[1],
                "dilation_y": window.dilation[0],
                "dilation_x": window.dilation[1],
                "kernel_h": len(cut.rows),
                "kernel_w": len(cut.columns),
                "blocks": len(cut.blocks),
                "y0": y0,
                "x0": x0,
                "height": source.height,
                "width": source.width,
                "zero_point": source.zero_point,
            },
            reads,
            [sums],
            Mark(self.operator),
        )
