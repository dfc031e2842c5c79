# SPDX-License-Identifier: Apache-2.0
"""Cycles of the conv engine: ``dpu_hw.conv`` up to the accumulators."""

from __future__ import annotations

from collections.abc import Iterator

from dpu_compiler.cycles.engine import NEVER, Values
from dpu_spec.configuration import Configuration
from dpu_spec.isa import CONV_PATCH, PATCH_SEGMENTS

#: From an instruction's transfer to its first pass: the register of ``conv.decoder`` and the
#: products of ``conv.passes``.
_FIRST_PASS = 6
#: The same of a CONV_PATCH: that register and the eight cycles of ``conv.patch_setup``.
_PREPARED = 9
#: From a pass in ``conv.address`` to its first pixel at the array's gate: three stages, the queue
#: of requests, the scratchpad's two cycles, the queue of pixels.
_FIRST_PIXEL = 7
#: Pixels on that way at most: three stages, two requests, eight words.
_PIXELS_AHEAD = 13
#: Passes that are announced and not through the gate (``conv.convolution``).
_PASSES_AHEAD = 4
#: From a tile in ``conv.weight_loader`` to the first pixel that may meet it.
_TILE = 3
#: From an instruction in ``conv.patch_fetcher`` to the first word in the window.
_FIRST_WORD = 7
#: From a pixel in ``conv.patch`` to the array's gate: three stages, its register, the queue.
_CUT = 5
#: Words in a window of ``conv.patch``.
_WINDOW = 16
#: Columns of the array that share an activation register (``conv.convolution``).
_REACH = 4
#: Cycles by which the accumulators get a pixel's address ahead of its sums, and from the address to
#: when the sums can be read (``conv.accumulators``).
_LEAD, _ADD = 2, 3


class ConvTiming:
    """CONV and CONV_PATCH.

    A pass takes a cycle for each pixel, but at least ``lanes``: so many cycles the tile of weights
    behind it needs to load. Nothing else comes between passes, nor between instructions that are
    there in time.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._lanes = lanes = configuration.lanes
        self._word_bits = lanes.bit_length() - 1
        #: From a pixel at the array's gate to its sums in the accumulators: four stages and one
        #: for each further row and group of columns (``conv.array``), of which the accumulators
        #: take two ahead and three afterwards.
        self._latency = 4 + lanes - 1 + configuration.columns // _REACH - 1 - _LEAD + _ADD
        #: First cycle in which the next instruction can be taken.
        self.ready: int | None = 0
        # The latest: cycle of a tile taken by the weight loader, of its first pixel, of the last
        # pixel at the gate, and the first cycles in which the next pass can be taken.
        self._tile = self._swap = self._issued = NEVER
        self._walked = self._fetched = self._advanced = NEVER

    def run(self, i: Values, taken: int) -> int:
        """Return when an instruction that is taken in a cycle is done."""
        patch = i["opcode"] == CONV_PATCH.opcode
        return (self._patch if patch else self._conv)(i, taken) + self._latency

    def _conv(self, i: Values, taken: int) -> int:
        pixels = i["rows"] * i["columns"]
        passes = i["blocks"] * i["kernel_h"] * i["kernel_w"]
        lanes = self._lanes
        walks = max(taken + _FIRST_PASS, self._walked)
        tile = max(taken + _FIRST_PASS + 1, self._swap + 1, self._tile + lanes)
        swap = max(walks + _FIRST_PIXEL, tile + _TILE, self._issued + 1)
        period = max(pixels, lanes)
        if passes > 1:
            second = max(swap + pixels, swap + 1 + _TILE, tile + lanes + _TILE)
            swap = second + (passes - 2) * period
            tile = swap - (pixels - 1 if pixels > lanes else _TILE)
            # The pixel that was so many before this pass's first, and the pass that was.
            back = -(-_PIXELS_AHEAD // pixels)
            walks = max(
                walks + (passes - 1) * pixels,
                swap - back * (period - pixels) - _PIXELS_AHEAD + 1,
                swap - _PASSES_AHEAD * period + pixels,
            )
        self._tile, self._swap = tile, swap
        self._issued = swap + pixels - 1
        self._walked = max(walks + pixels, self._issued - _PIXELS_AHEAD + 1)
        self.ready = walks
        return self._issued

    def _patch(self, i: Values, taken: int) -> int:
        columns = i["columns"]
        pixels = i["rows"] * columns
        prepared = taken + _PREPARED
        fetch = max(prepared, self._fetched)
        start = max(fetch + 1, self._advanced)
        # When the first pixel has its bytes, and the last one.
        first, last, words = start + 1, 0, 0
        for outside, inside, row in self._segments(i):
            came = fetch + _FIRST_WORD + outside
            first = max(first, came - outside * columns)
            last = max(last, came + (inside - 1) * row)
            words = max(words, outside + inside * row)
        tile = max(prepared + 1, self._swap + 1, self._tile + self._lanes)
        swap = max(first + _CUT, tile + _TILE, self._issued + 1)
        issued = max(swap + pixels - 1, last + _CUT)
        self._tile, self._swap, self._issued = tile, swap, issued
        self._advanced = max(first + pixels - 1, issued - _CUT)
        self._fetched = max(fetch + words, self._advanced - _WINDOW)
        self.ready = start + 1
        return issued

    def _segments(self, i: Values) -> Iterator[tuple[int, int, int]]:
        """Yield what each segment reads: rows above the input, rows inside, words of a row."""
        rows, stride, height = i["rows"], i["stride_y"], i["height"]
        extent = (i["columns"] - 1) * i["step"]
        first_lane = 0
        for s in range(PATCH_SEGMENTS):
            end = i[f"end_{s}"]
            if end <= first_lane:
                continue
            start, y = i[f"start_{s}"], i["y0"] + i[f"dy_{s}"]
            low = max(0, start + first_lane) >> self._word_bits
            high = min(start + end - 1 + extent, i["row_bytes"] - 1) >> self._word_bits
            first_lane = end
            outside = min(rows, max(0, -(y // stride)))
            inside = min(rows, max(0, -(-(height - y) // stride))) - outside
            if inside > 0 and high >= low:
                yield outside, inside, high - low + 1
