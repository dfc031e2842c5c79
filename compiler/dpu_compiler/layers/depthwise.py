# SPDX-License-Identifier: Apache-2.0
"""Depthwise convolutions on the depthwise PE."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.constants import ConstantStream
from dpu_compiler.emit import Emitter
from dpu_compiler.featuremap import FeatureMap
from dpu_compiler.graph import Array
from dpu_compiler.issue import Access, Buffer, span
from dpu_compiler.layer import Layer, Window
from dpu_compiler.layers.convolution import Scaling
from dpu_compiler.layers.scales import fold_zero_point, pad_channels, scale_block
from dpu_compiler.layers.tiles import Tile, tiles
from dpu_spec.isa import DEPTHWISE
from dpu_spec.program import Mark

#: Side of the PE's window.
SIDE = 3


@dataclasses.dataclass(frozen=True)
class Piece:
    """One 3x3 window of a kernel: its first kernel row and column, and how many it has of each."""

    row: int
    column: int
    rows: int
    columns: int


class DepthwiseConvolution(Layer):
    """DEPTHWISE_CONV_2D of any kernel, as 3x3 windows that keep partial sums.

    ``weights`` are [kernel row, kernel column, output channel]; output channel ``o`` reads input
    channel ``o // multiplier``.
    """

    output: FeatureMap

    def __init__(
        self,
        operator: int,
        source: FeatureMap,
        output: FeatureMap,
        window: Window,
        weights: Array,
        multiplier: int,
        scaling: Scaling,
    ) -> None:
        super().__init__(operator, [source], output)
        self.window = window
        self.multiplier = multiplier
        self.scaling = scaling
        self.configuration = source.configuration
        height, width = window.kernel
        self._pieces = [
            Piece(ky, kx, min(SIDE, height - ky), min(SIDE, width - kx))
            for ky in range(0, height, SIDE)
            for kx in range(0, width, SIDE)
        ]
        self._constants = ConstantStream(
            self.configuration, Buffer.DEPTHWISE_PARAMETERS, self._units(weights)
        )
        self._group = self._group_size()

    def _units(self, weights: Array) -> list[bytes]:
        """For each output block and piece: nine words of weights; after the last piece, scales."""
        lanes = self.configuration.lanes
        height, width, channels = weights.shape
        blocks = self.output.blocks
        grid = np.zeros(
            (-(-height // SIDE) * SIDE, -(-width // SIDE) * SIDE, blocks * lanes), np.int8
        )
        grid[:height, :width, :channels] = weights
        sums = weights.reshape(-1, channels).astype(np.int64).sum(axis=0)
        bias = fold_zero_point(self.scaling.bias, self.inputs[0].zero_point, sums)
        units = []
        for block in range(blocks):
            lane = slice(block * lanes, (block + 1) * lanes)
            for piece in self._pieces:
                taps = grid[piece.row : piece.row + SIDE, piece.column : piece.column + SIDE, lane]
                units.append(np.ascontiguousarray(taps).tobytes())
            units[-1] += scale_block(
                pad_channels(bias[lane], lanes),
                pad_channels(self.scaling.multiplier[lane], lanes),
                pad_channels(self.scaling.shift[lane], lanes),
            )
        return units

    def _group_size(self) -> int:
        """Blocks of one instruction: as many as a drain of the array writes, where it can be."""
        if len(self._pieces) > 1 or self.multiplier > 1:
            return 1
        return self.configuration.column_blocks

    @property
    def row_step(self) -> int:
        """Largest step between input rows."""
        return self.window.row_step

    def input_rows(self, index: int, first: int, last: int) -> tuple[int, int]:
        """Rows under the kernel."""
        return self.window.rows(first, last, self.inputs[0].height)

    def emit(self, emitter: Emitter, first: int, last: int) -> None:
        """For each tile and group of blocks: all windows of the kernel."""
        several = len(self._pieces) > 1
        pixels = self.configuration.partial_sum_depth if several else 1 << 20
        for tile in tiles(first, last, self.output.width, pixels):
            for block in range(0, self.output.blocks, self._group):
                blocks = min(self._group, self.output.blocks - block)
                # Consecutive blocks must lie in one chunk of constants.
                while blocks > 1 and not self._together(block, blocks):
                    blocks -= 1
                self._emit_blocks(emitter, tile, block, blocks)
                for rest in range(block + blocks, min(block + self._group, self.output.blocks)):
                    self._emit_blocks(emitter, tile, rest, 1)

    def _together(self, block: int, blocks: int) -> bool:
        chunk, _ = self._constants.place(block)
        return self._constants.place(block + blocks - 1)[0] is chunk

    def _emit_blocks(self, emitter: Emitter, tile: Tile, block: int, blocks: int) -> None:
        for index in range(len(self._pieces)):
            unit = block * len(self._pieces) + index
            parameters = emitter.constant(self._constants, unit, self.operator)
            self._emit_piece(emitter, tile, block, blocks, index, parameters)

    def _lanes(self, block: int) -> tuple[int, int]:
        """Return the input block and the lane map of an output block."""
        lanes = self.configuration.lanes
        channels = [(block * lanes + lane) // self.multiplier for lane in range(lanes)]
        source = channels[0] // lanes
        value = 0
        for lane, channel in enumerate(channels):
            # Lanes beyond the last channel may point anywhere.
            value |= (channel - source * lanes) % lanes << 4 * lane
        return source, value

    def _emit_piece(
        self, emitter: Emitter, tile: Tile, block: int, blocks: int, index: int, parameters: int
    ) -> None:
        source, output, window, scaling = self.inputs[0], self.output, self.window, self.scaling
        piece = self._pieces[index]
        last = index == len(self._pieces) - 1
        y0 = tile.row * window.stride[0] - window.before[0] + piece.row * window.dilation[0]
        x0 = tile.column * window.stride[1] - window.before[1] + piece.column * window.dilation[1]
        y_end = y0 + (tile.rows - 1) * window.stride[0] + (piece.rows - 1) * window.dilation[0] + 1
        x_end = (
            x0
            + (tile.columns - 1) * window.stride[1]
            + (piece.columns - 1) * window.dilation[1]
            + 1
        )
        # Taps beyond a kernel smaller than the window have zero weights; keep them from reading
        # rows that may not be there yet.
        height = min(source.height, max(y_end, 0))
        width = min(source.width, max(x_end, 0))
        in_block, lane_map = self._lanes(block)
        reads = [
            span(
                Buffer.DEPTHWISE_PARAMETERS,
                parameters,
                blocks * (9 + (self.configuration.scale_words if last else 0)),
            )
        ]
        rows, columns = range(max(y0, 0), height), range(max(x0, 0), width)
        if len(rows) and len(columns):
            words = source.addresses(rows, range(in_block, in_block + blocks), columns)
            reads.append(Access(Buffer.SCRATCHPAD, words))
        writes = []
        if last:
            words = output.addresses(
                range(tile.row, tile.row + tile.rows),
                range(block, block + blocks),
                range(tile.column, tile.column + tile.columns),
            )
            writes.append(Access(Buffer.SCRATCHPAD, words))
        emitter.issue(
            DEPTHWISE,
            {
                "address": source.row_address(y0, self.row_step) + in_block * source.block_stride,
                "row_stride": source.row_stride,
                "block_stride": source.block_stride,
                "ring_start": source.base,
                "ring_words": source.view_ring_rows(self.row_step) * source.row_stride,
                "out_address": output.row_address(tile.row)
                + block * output.block_stride
                + tile.column,
                "out_row_stride": output.row_stride,
                "out_block_stride": output.block_stride,
                "out_ring_start": output.base,
                "out_ring_words": output.view_ring_rows(1) * output.row_stride,
                "rows": tile.rows,
                "columns": tile.columns,
                "blocks": blocks,
                "stride_y": window.stride[0],
                "stride_x": window.stride[1],
                "dilation_y": window.dilation[0],
                "dilation_x": window.dilation[1],
                "y0": y0,
                "x0": x0,
                "height": height,
                "width": width,
                "zero_point": source.zero_point,
                "partial_sum": 0,
                "first": int(index == 0),
                "last": int(last),
                "parameters": parameters,
                "out_zero_point": scaling.zero_point,
                "minimum": scaling.minimum,
                "maximum": scaling.maximum,
                "lane_map": lane_map,
            },
            reads,
            writes,
            Mark(
                self.operator,
                output.tensor if last else -1,
                tile.row,
                tile.column,
                block * self.configuration.lanes,
                output.height,
                output.width,
            ),
        )
