# SPDX-License-Identifier: Apache-2.0
"""Convolutions and fully connected layers on the array."""

from __future__ import annotations

import abc
import dataclasses

import numpy as np

from dpu_compiler.constants import ConstantStream, capacity
from dpu_compiler.emit import Emitter
from dpu_compiler.featuremap import FeatureMap
from dpu_compiler.graph import Array
from dpu_compiler.issue import Access, Buffer, span
from dpu_compiler.layer import Layer, Tiling, Window
from dpu_compiler.layers.scales import Integers, fold_zero_point, pad_channels, scale_block
from dpu_compiler.layers.tiles import Tile, tiles
from dpu_spec.isa import DRAIN
from dpu_spec.program import Mark


@dataclasses.dataclass(frozen=True)
class Scaling:
    """What turns an accumulator into an output: bias (before folding) and scale of each channel."""

    bias: Integers
    multiplier: Integers
    shift: Integers
    zero_point: int
    minimum: int
    maximum: int


class ArrayLayer(Layer, abc.ABC):
    """A layer whose sums of products the array computes, drained into the scratchpad.

    ``weights`` are [output channel, kernel row, kernel column, input channel]. Subclasses say how
    the reduction is cut into instructions (parts).
    """

    output: FeatureMap

    def __init__(
        self,
        operator: int,
        source: FeatureMap,
        output: FeatureMap,
        window: Window,
        weights: Array,
        scaling: Scaling,
    ) -> None:
        super().__init__(operator, [source], output)
        self.window = window
        self.scaling = scaling
        self.configuration = source.configuration
        columns = self.configuration.columns
        self.column_groups = -(-len(weights) // columns)
        padded = np.zeros((self.column_groups * columns, *weights.shape[1:]), np.int8)
        padded[: len(weights)] = weights
        units = [
            tile
            for group in range(self.column_groups)
            for tile in self.part_tiles(padded[group * columns : (group + 1) * columns])
        ]
        self.parts = len(units) // self.column_groups
        self._weights = ConstantStream(self.configuration, Buffer.WEIGHTS, units)
        sums = weights.reshape(len(weights), -1).astype(np.int64).sum(axis=1)
        self._scales = ConstantStream(
            self.configuration, Buffer.CONV_PARAMETERS, self._scale_units(sums)
        )

    @abc.abstractmethod
    def part_tiles(self, weights: Array) -> list[bytes]:
        """Return the weight tiles of each part for one group of output channels."""

    @abc.abstractmethod
    def emit_part(
        self, emitter: Emitter, part: int, tile: Tile, place: dict[str, int], *, eager: bool
    ) -> None:
        """Emit the instructions of one part; ``place`` has accumulator, clear and weights.

        If ``eager``, its writer may still be at work: what can begin before that is done shall.
        """

    def _scale_units(self, sums: Integers) -> list[bytes]:
        columns, lanes = self.configuration.columns, self.configuration.lanes
        bias = fold_zero_point(self.scaling.bias, self.inputs[0].zero_point, sums)
        units = []
        for group in range(self.column_groups):
            blocks = self._group_blocks(group)
            first = group * columns
            unit = b""
            for start in range(first, first + blocks * lanes, lanes):
                channels = slice(start, start + lanes)
                unit += scale_block(
                    pad_channels(bias[channels], lanes),
                    pad_channels(self.scaling.multiplier[channels], lanes),
                    pad_channels(self.scaling.shift[channels], lanes),
                )
            units.append(unit)
        return units

    def _group_blocks(self, group: int) -> int:
        blocks = self.configuration.column_blocks
        return min(blocks, self.output.blocks - group * blocks)

    @property
    def row_step(self) -> int:
        """Largest step between input rows."""
        return self.window.row_step

    def input_rows(self, index: int, first: int, last: int) -> tuple[int, int]:
        """Rows under the kernel."""
        return self.window.rows(first, last, self.inputs[0].height)

    @property
    def passes(self) -> int:
        """Passes of the array over each tile of pixels, for all output channels."""
        words = self.configuration.lanes * self.configuration.column_blocks
        return self._weights.words // words

    @property
    def weights_stay(self) -> bool:
        """Whether all weights fit the buffer with room for others, so that tiles reuse them."""
        return 4 * self._weights.words <= 3 * capacity(self.configuration, Buffer.WEIGHTS)

    def plan_tile(self, tiling: Tiling) -> None:
        """Whole maps in one task where the weights must be streamed and all rows are kept."""
        self.fit_tile(tiling.array_pixels, tiling.ring_words)
        if not self.weights_stay and not self.inputs[0].is_ring and not self.output.is_ring:
            self.tile_rows = self.rows

    def emit(self, emitter: Emitter, first: int, last: int) -> None:
        """For each tile and group of output channels: accumulate all parts, then drain."""
        pixels = self.configuration.accumulator_bank
        cut = list(tiles(first, last, self.output.width, pixels))
        groups = range(self.column_groups)
        if self.weights_stay:
            order = [(tile, group) for tile in cut for group in groups]
        else:
            order = [(tile, group) for group in groups for tile in cut]
        for number, (tile, group) in enumerate(order):
            accumulator = emitter.accumulators(tile.pixels)
            for part in range(self.parts):
                unit = group * self.parts + part
                word = emitter.constant(self._weights, unit, self.operator)
                place = {
                    "accumulator": accumulator,
                    "clear": int(part == 0),
                    "weights": word // self.configuration.column_blocks,
                }
                self.emit_part(emitter, part, tile, place, eager=number == 0 and first == 0)
            self._drain(emitter, tile, group, accumulator)

    def weight_access(self, place: dict[str, int], passes: int) -> Access:
        """Return the access to the weights of an instruction."""
        words = self.configuration.column_blocks
        lanes = self.configuration.lanes
        return span(Buffer.WEIGHTS, place["weights"] * words, passes * lanes * words)

    def _drain(self, emitter: Emitter, tile: Tile, group: int, accumulator: int) -> None:
        output, scaling = self.output, self.scaling
        blocks = self._group_blocks(group)
        first_block = group * self.configuration.column_blocks
        parameters = emitter.constant(self._scales, group, self.operator)
        emitter.issue(
            DRAIN,
            {
                "address": output.row_address(tile.row)
                + first_block * output.block_stride
                + tile.column,
                "row_stride": output.row_stride,
                "block_stride": output.block_stride,
                "ring_start": output.base,
                "ring_words": output.view_ring_rows(1) * output.row_stride,
                "rows": tile.rows,
                "columns": tile.columns,
                "blocks": blocks,
                "accumulator": accumulator,
                "parameters": parameters,
                "out_zero_point": scaling.zero_point,
                "minimum": scaling.minimum,
                "maximum": scaling.maximum,
            },
            [
                span(Buffer.ACCUMULATORS, accumulator, tile.pixels),
                span(Buffer.CONV_PARAMETERS, parameters, 9 * blocks),
            ],
            [
                Access(
                    Buffer.SCRATCHPAD,
                    output.addresses(
                        range(tile.row, tile.row + tile.rows),
                        range(first_block, first_block + blocks),
                        range(tile.column, tile.column + tile.columns),
                    ),
                )
            ],
            Mark(
                self.operator,
                output.tensor,
                tile.row,
                tile.column,
                group * self.configuration.columns,
                output.height,
                output.width,
            ),
        )
