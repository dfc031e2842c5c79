# SPDX-License-Identifier: Apache-2.0
"""Convolutions over plain bytes: kernel positions fill the rows of the array."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.emit import Emitter
from dpu_compiler.featuremap import FeatureMap, Layout
from dpu_compiler.graph import Array
from dpu_compiler.issue import Access, Buffer, span
from dpu_compiler.layer import Window
from dpu_compiler.layers.convolution import ArrayLayer
from dpu_compiler.layers.tiles import Tile
from dpu_spec.isa import CONV_PATCH, PATCH_SEGMENTS
from dpu_spec.program import Mark


@dataclasses.dataclass(frozen=True)
class Segment:
    """A run of bytes under one kernel row: lanes ``lane`` to ``lane + count``.

    ``byte`` counts from the first byte of the kernel's row; ``taps`` names (kernel column, channel)
    of each byte.
    """

    plane: int
    kernel_row: int
    byte: int
    lane: int
    taps: tuple[tuple[int, int], ...]


def cut_patch(
    kernel: tuple[int, int], channels: int, planar: bool, lanes: int
) -> list[tuple[Segment, ...]]:
    """Pack the bytes under a kernel into passes of up to ``lanes`` bytes from up to three runs."""
    height, width = kernel
    runs: list[tuple[int, int, list[tuple[int, int]]]] = []
    if planar:
        for c in range(channels):
            for ky in range(height):
                runs.append((c, ky, [(kx, c) for kx in range(width)]))
    else:
        for ky in range(height):
            runs.append((0, ky, [(kx, c) for kx in range(width) for c in range(channels)]))
    passes: list[tuple[Segment, ...]] = []
    current: list[Segment] = []
    lane = 0
    for plane, ky, taps in runs:
        at = 0
        while at < len(taps):
            if lane == lanes or len(current) == PATCH_SEGMENTS:
                passes.append(tuple(current))
                current, lane = [], 0
            count = min(lanes - lane, len(taps) - at)
            current.append(Segment(plane, ky, at, lane, tuple(taps[at : at + count])))
            lane += count
            at += count
    passes.append(tuple(current))
    return passes


def patch_fits(source_channels: int, planar: bool, width: int, window: Window) -> bool:
    """Tell whether CONV_PATCH can express a convolution: bytes side by side that fit its fields."""
    pixel = 1 if planar else source_channels
    step, row_bytes = window.stride[1] * pixel, width * pixel
    reach = (window.kernel[0] - 1) * window.dilation[0]
    return (
        (window.dilation[1] == 1 or window.kernel[1] == 1)
        and step <= 255
        and row_bytes < 1 << 14
        and window.before[1] * pixel < 1 << 14
        and reach <= 127
    )


class PatchConvolution(ArrayLayer):
    """CONV_2D over a map of plain bytes (or planes)."""

    def part_tiles(self, weights: Array) -> list[bytes]:
        """One tile of [lane][array column] a pass."""
        source: FeatureMap = self.inputs[0]
        lanes = source.configuration.lanes
        columns, height, width, channels = weights.shape
        self._planar = source.layout is Layout.PLANAR
        self._passes = cut_patch((height, width), channels, self._planar, lanes)
        result = []
        for segments in self._passes:
            tile = np.zeros((lanes, columns), np.int8)
            for segment in segments:
                for lane, (kx, c) in enumerate(segment.taps, segment.lane):
                    tile[lane] = weights[:, segment.kernel_row, kx, c]
            result.append(tile.tobytes())
        return result

    def emit_part(
        self, emitter: Emitter, part: int, tile: Tile, place: dict[str, int], *, eager: bool
    ) -> None:
        """Emit one CONV_PATCH."""
        source, window = self.inputs[0], self.window
        pixel = 1 if self._planar else source.channels
        y0 = tile.row * window.stride[0] - window.before[0]
        first_byte = (tile.column * window.stride[1] - window.before[1]) * pixel
        values = {
            **place,
            "address": source.row_address(y0, self.patch_step),
            "row_stride": source.row_stride,
            "ring_start": source.base,
            "ring_words": source.view_ring_rows(self.patch_step) * source.row_stride,
            "rows": tile.rows,
            "columns": tile.columns,
            "stride_y": window.stride[0],
            "zero_point": source.zero_point,
            "y0": y0,
            "height": source.height,
            "row_bytes": source.row_bytes,
            "step": window.stride[1] * pixel,
        }
        end = 0
        for index in range(PATCH_SEGMENTS):
            if index < len(self._passes[part]):
                segment = self._passes[part][index]
                end = segment.lane + len(segment.taps)
                values[f"dy_{index}"] = segment.kernel_row * window.dilation[0]
                values[f"offset_{index}"] = segment.plane * source.plane_words
                values[f"start_{index}"] = first_byte + segment.byte - segment.lane
            values[f"end_{index}"] = end
        reads = [self.weight_access(place, 1)]
        rows = range(*self.input_rows(0, tile.row, tile.row + tile.rows))
        if len(rows):
            reads.append(Access(Buffer.SCRATCHPAD, source.addresses(rows)))
        sums = span(Buffer.ACCUMULATORS, place["accumulator"], tile.pixels)
        emitter.issue(CONV_PATCH, values, reads, [sums], Mark(self.operator))

    @property
    def patch_step(self) -> int:
        """Largest step between rows: an instruction goes to any kernel row at once."""
        return max(self.window.stride[0], (self.window.kernel[0] - 1) * self.window.dilation[0])

    @property
    def row_step(self) -> int:
        """Largest step between input rows."""
        return self.patch_step
