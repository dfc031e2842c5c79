# SPDX-License-Identifier: Apache-2.0
"""The pseudo-code of the conv engine's instructions, loop by loop."""

import numpy as np


def wrap32(value):
    return (int(value) + 2**31) % 2**32 - 2**31


def ring(v, address):
    return v.ring_start + (address - v.ring_start) % v.ring_words


class Model:
    """Memories of a conv engine, and what instructions do to them."""

    def __init__(self, configuration, rng):
        c = self.configuration = configuration
        self.scratchpad = rng.integers(-128, 128, (c.scratchpad_words, c.lanes))
        self.weights = rng.integers(-128, 128, (c.weight_rows, c.columns))
        self.accumulators = np.zeros((c.accumulator_depth, c.columns), np.int64)
        self.scales = {}
        self.read_words = set()

    def run(self, v):
        """Run an instruction; note the words of the scratchpad that it reads."""
        self.read_words = set()
        {"CONV": self.conv, "CONV_PATCH": self.conv_patch, "DRAIN": self.drain}[v.format.name](v)

    def accumulate(self, a, pixel, tile, clear):
        old = self.accumulators[a] * (not clear)
        self.accumulators[a] = [wrap32(n) for n in old + pixel @ tile]

    def conv(self, v):
        lanes = self.configuration.lanes
        number = 0
        for b in range(v.blocks):
            for ky in range(v.kernel_h):
                for kx in range(v.kernel_w):
                    at = v.weights + number * lanes
                    tile = self.weights[at : at + lanes]
                    for r in range(v.rows):
                        for c in range(v.columns):
                            y = v.y0 + r * v.stride_y + ky * v.dilation_y
                            x = v.x0 + c * v.stride_x + kx * v.dilation_x
                            if 0 <= y < v.height and 0 <= x < v.width:
                                down = r * v.stride_y + ky * v.dilation_y
                                row = ring(v, v.address + down * v.row_stride)
                                word = row + b * v.block_stride + x
                                self.read_words.add(word)
                                pixel = self.scratchpad[word]
                            else:
                                pixel = np.full(lanes, v.zero_point)
                            a = v.accumulator + r * v.columns + c
                            self.accumulate(a, pixel, tile, v.clear and number == 0)
                    number += 1

    def conv_patch(self, v):
        lanes = self.configuration.lanes
        tile = self.weights[v.weights : v.weights + lanes]
        for r in range(v.rows):
            for c in range(v.columns):
                pixel = np.full(lanes, v.zero_point)
                for lane in range(lanes):
                    s = next((s for s in range(3) if lane < getattr(v, f"end_{s}")), None)
                    if s is None:
                        continue
                    dy, offset, start = (
                        getattr(v, f"{name}_{s}") for name in ("dy", "offset", "start")
                    )
                    y = v.y0 + r * v.stride_y + dy
                    byte = start + c * v.step + lane
                    if 0 <= y < v.height and 0 <= byte < v.row_bytes:
                        row = ring(v, v.address + (r * v.stride_y + dy) * v.row_stride) + offset
                        self.read_words.add(row + byte // lanes)
                        pixel[lane] = self.scratchpad[row + byte // lanes, byte % lanes]
                self.accumulate(v.accumulator + r * v.columns + c, pixel, tile, v.clear)

    def drain(self, v):
        lanes = self.configuration.lanes
        for b in range(v.blocks):
            bias, multiplier, shift = self.scales[v.parameters + 9 * b]
            for r in range(v.rows):
                for c in range(v.columns):
                    acc = self.accumulators[v.accumulator + r * v.columns + c][b * lanes :][:lanes]
                    at = ring(v, v.address + r * v.row_stride) + b * v.block_stride + c
                    self.scratchpad[at] = [
                        min(max(scale(*each) + v.out_zero_point, v.minimum), v.maximum)
                        for each in zip(acc, bias, multiplier, shift, strict=True)
                    ]


def scale(acc, bias, multiplier, shift):
    left, right = max(shift, 0), max(-shift, 0)
    a = wrap32(wrap32(int(acc) + int(bias)) << int(left))
    h = (a * int(multiplier) + 2**30) >> 31
    mask = 2 ** int(right) - 1
    threshold = (mask >> 1) + (h < 0)
    return (h >> int(right)) + ((h & mask) > threshold)


def scale_words(lanes, bias, multiplier, shift):
    """Return the nine words of a block's scales."""
    data = np.array(bias, "<i4").tobytes() + np.array(multiplier, "<i4").tobytes()
    data += np.array(shift, "i1").tobytes()
    return np.frombuffer(data, np.int8).reshape(9, lanes)
