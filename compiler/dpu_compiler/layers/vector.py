# SPDX-License-Identifier: Apache-2.0
"""Element by element work, pools and copies on the vector unit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from dpu_compiler.constants import ConstantStream
from dpu_compiler.emit import Emitter
from dpu_compiler.featuremap import FeatureMap, Layout
from dpu_compiler.graph import Array
from dpu_compiler.issue import Access, Buffer, span
from dpu_compiler.layer import Layer, Tiling, Window
from dpu_compiler.layers.tiles import Tile, tiles
from dpu_spec.instruction import Format
from dpu_spec.isa import TABLE_ENTRIES
from dpu_spec.program import Mark

#: Words that an instruction should read at least.
_LEAST_WORK = 64
#: Rows and columns that an instruction's fields hold.
_LIMIT = 4095
_EACH_PIXEL = Window()


@dataclasses.dataclass(frozen=True)
class Function:
    """What a vector instruction computes: its format and the fields that no tile changes."""

    format: Format
    values: dict[str, int]


class VectorLayer(Layer):
    """One function over the pixels of one or two maps.

    Parameters
    ----------
    source, other
        Operands a and b. ``other`` may broadcast over rows and columns (height and width 1).
    window
        Window over operand a.
    function
        The instruction and its constant fields.
    tables
        Tables A and B (int32) where the function needs them.
    repeat
        Output rows and columns that share one of the input.
    function_of_tile
        For functions that differ from tile to tile (averages at borders): cuts a tile and gives
        each part its function.
    """

    output: FeatureMap

    def __init__(
        self,
        operator: int,
        source: FeatureMap,
        output: FeatureMap,
        function: Function,
        *,
        window: Window = _EACH_PIXEL,
        other: FeatureMap | None = None,
        tables: list[Array] | None = None,
        repeat: tuple[int, int] = (1, 1),
        block_offset: int = 0,
        cut: Callable[[Tile], list[tuple[Tile, Function]]] | None = None,
    ) -> None:
        super().__init__(operator, [source] if other is None else [source, other], output)
        self.window = window
        self.function = function
        self.repeat = repeat
        self.configuration = source.configuration
        self._cut = cut
        self._tables = None
        #: First block of the output that the source fills (concatenation).
        self.block_offset = block_offset
        if tables is not None:
            data = b"".join(np.asarray(t).astype("<i4").tobytes() for t in tables)
            self._tables = ConstantStream(self.configuration, Buffer.TABLE, [data])

    @property
    def row_step(self) -> int:
        """Largest step between input rows."""
        return self.window.row_step

    def input_rows(self, index: int, first: int, last: int) -> tuple[int, int]:
        """Rows under the window; of a broadcast operand its only row."""
        source = self.inputs[index]
        if index == 1:
            return (0, 1) if source.height == 1 else (first, last)
        low, high = first // self.repeat[0], (last - 1) // self.repeat[0] + 1
        return self.window.rows(low, high, source.height)

    def plan_tile(self, tiling: Tiling) -> None:
        """Whole input rows where rows are repeated."""
        super().plan_tile(tiling)
        repeat = self.repeat[0]
        self.tile_rows = max(1, self.tile_rows // repeat) * repeat

    def emit(self, emitter: Emitter, first: int, last: int) -> None:
        """An instruction for each tile and group of channel blocks."""
        plain = self.output.layout is not Layout.BLOCKED
        width = self.output.columns if plain else self.output.width
        for tile in tiles(first, last, width, 1 << 20, _LIMIT):
            parts = [(tile, self.function)] if self._cut is None else self._cut(tile)
            for part, function in parts:
                for blocks in self._groups(part):
                    self._emit_tile(emitter, part, blocks, function)

    def _groups(self, tile: Tile) -> list[range]:
        """Cut the blocks into groups that a drain fills, unless they are too little work."""
        blocks = self.inputs[0].blocks
        work = tile.pixels * self.window.kernel[0] * self.window.kernel[1]
        size = self.configuration.column_blocks
        size *= max(1, -(-_LEAST_WORK // (work * size)))
        return [range(first, min(first + size, blocks)) for first in range(0, blocks, size)]

    def _emit_tile(self, emitter: Emitter, tile: Tile, blocks: range, function: Function) -> None:
        source, output, window = self.inputs[0], self.output, self.window
        plain = output.layout is not Layout.BLOCKED
        # Upsampling begins a tile at a whole input row and column.
        if tile.row % self.repeat[0] or tile.column % self.repeat[1]:
            raise ValueError("A tile of a resize must begin at a whole input pixel.")
        y0 = tile.row // self.repeat[0] * window.stride[0] - window.before[0]
        x0 = tile.column // self.repeat[1] * window.stride[1] - window.before[1]
        in_rows = -(-tile.rows // self.repeat[0])
        in_columns = -(-tile.columns // self.repeat[1])
        y_end = y0 + (in_rows - 1) * window.stride[0] + window.kernel[0]
        x_end = x0 + (in_columns - 1) * window.stride[1] + window.kernel[1]
        rows = range(max(y0, 0), min(y_end, source.height))
        columns = range(max(x0, 0), min(x_end, source.columns if plain else source.width))
        reads: list[Access] = []
        values: dict[str, int] = {}
        if len(rows) and len(columns):
            words = source.addresses(rows, blocks, columns)
            reads.append(Access(Buffer.SCRATCHPAD, words))
        if len(self.inputs) > 1:
            reads.append(self._second(tile, blocks, values))
        if self._tables is not None:
            word = emitter.constant(self._tables, 0, self.operator)
            slot_words = 2 * TABLE_ENTRIES * 4 // self.configuration.lanes
            values["slot"] = word // slot_words
            reads.append(span(Buffer.TABLE, word, self._tables.words))
        first_block = self.block_offset + blocks.start
        written = output.addresses(
            range(tile.row, tile.row + tile.rows),
            range(first_block, first_block + len(blocks)),
            range(tile.column, tile.column + tile.columns),
        )
        emitter.issue(
            function.format,
            {
                "address": source.row_address(y0, self.row_step)
                + blocks.start * source.block_stride,
                "row_stride": source.row_stride,
                "block_stride": source.block_stride,
                "ring_start": source.base,
                "ring_words": source.view_ring_rows(self.row_step) * source.row_stride,
                "out_address": output.row_address(tile.row)
                + first_block * output.block_stride
                + tile.column,
                "out_row_stride": output.row_stride,
                "out_block_stride": output.block_stride,
                "out_ring_start": output.base,
                "out_ring_words": output.view_ring_rows(1) * output.row_stride,
                "rows": tile.rows,
                "columns": tile.columns,
                "blocks": len(blocks),
                "kernel_h": window.kernel[0],
                "kernel_w": window.kernel[1],
                "stride_y": window.stride[0],
                "stride_x": window.stride[1],
                "y0": y0,
                "x0": x0,
                "height": source.height,
                "width": source.columns if plain else source.width,
                "repeat_y": self.repeat[0],
                "repeat_x": self.repeat[1],
                "b_ring_words": 1,
                **values,
                **function.values,
            },
            reads,
            [Access(Buffer.SCRATCHPAD, written)],
            Mark(
                self.operator,
                output.tensor,
                tile.row,
                tile.column * (self.configuration.lanes if plain else 1),
                first_block * self.configuration.lanes,
                output.height,
                output.width,
                output.row_bytes if plain else 0,
            ),
        )

    def _second(self, tile: Tile, blocks: range, values: dict[str, int]) -> Access:
        """Fill in the fields of operand b and return what it reads."""
        other = self.inputs[1]
        row = 0 if other.height == 1 else tile.row
        wide = other.columns > 1
        values |= {
            "b_address": other.row_address(row)
            + blocks.start * other.block_stride
            + (tile.column if wide else 0),
            "b_row_stride": 0 if other.height == 1 else other.row_stride,
            "b_block_stride": other.block_stride,
            "b_ring_start": other.base,
            "b_ring_words": other.view_ring_rows(1) * other.row_stride,
            "b_column_stride": int(wide),
        }
        rows = range(row, row + (1 if other.height == 1 else tile.rows))
        columns = range(tile.column, tile.column + tile.columns) if wide else range(1)
        return Access(Buffer.SCRATCHPAD, other.addresses(rows, blocks, columns))
