# SPDX-License-Identifier: Apache-2.0
"""The vector instructions as their pseudo-code has them, value by value."""

from dataclasses import dataclass, field

import numpy as np

from dpu_spec.instruction import Instruction
from dpu_spec.isa import BY_NAME, MODE_DIVIDE


def wrap32(value):
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def scale(mode, acc, bias, multiplier, shift):
    left, right = max(shift, 0), max(-shift, 0)
    if mode == MODE_DIVIDE:
        q = ((abs(acc) + bias) * multiplier) >> (31 + right)
        return -q if acc < 0 else q
    a = wrap32(wrap32(acc + bias) << left)
    h = (a * multiplier + 2**30) >> 31
    mask = 2**right - 1
    threshold = (mask >> 1) + (h < 0)
    return (h >> right) + ((h & mask) > threshold)


def clamp(value, minimum, maximum):
    return max(minimum, min(maximum, value))


@dataclass
class Model:
    """Scratchpad and tables; ``writes`` lists what the instructions wrote, in order.

    Reads see the contents that the scratchpad began with: instructions in one run don't depend on
    each other.
    """

    scratchpad: np.ndarray  # [address, lane] of int8
    tables: np.ndarray = field(default_factory=lambda: np.zeros((2, 2, 256), np.int64))
    writes: list = field(default_factory=list)

    def run(self, i: Instruction) -> None:
        def ring(a, prefix=""):
            start = i.values[prefix + "ring_start"]
            return start + (a - start) % i.values[prefix + "ring_words"]

        name = i.format.name
        lanes = self.scratchpad.shape[1]
        for b in range(i.blocks):
            for r in range(i.rows):
                for c in range(i.columns):
                    window = []
                    for ky in range(i.kernel_h):
                        for kx in range(i.kernel_w):
                            down = (r // i.repeat_y) * i.stride_y + ky
                            x = i.x0 + (c // i.repeat_x) * i.stride_x + kx
                            if 0 <= i.y0 + down < i.height and 0 <= x < i.width:
                                row = ring(i.address + down * i.row_stride)
                                word = self.scratchpad[(row + b * i.block_stride + x) % 65536]
                                window.append([int(v) for v in word])
                            else:
                                window.append([i.border] * lanes)
                    second = [0] * lanes
                    if name in ("ADD", "MULTIPLY"):
                        row = ring(i.b_address + r * i.b_row_stride, "b_")
                        at = row + b * i.b_block_stride + c * i.b_column_stride
                        second = [int(v) for v in self.scratchpad[at % 65536]]
                    out = [
                        self.value(i, [tap[lane] for tap in window], second[lane])
                        for lane in range(lanes)
                    ]
                    row = ring(i.out_address + r * i.out_row_stride, "out_")
                    self.writes.append(((row + b * i.out_block_stride + c) % 65536, out))

    def value(self, i, window, w):
        table_a, table_b = self.tables[i.slot]
        v = window[0]
        name = i.format.name
        if name == "MAXIMUM":
            return clamp(max(window), i.minimum, i.maximum)
        if name == "TABLE":
            return (int(table_a[v & 255]) + 128) % 256 - 128
        bias = i.bias
        if name == "ADD":
            acc = int(table_a[v & 255] + table_b[w & 255])
        elif name == "MULTIPLY":
            za, zb = ((bias >> at & 255) + 128 for at in (0, 8))
            acc = (v - (za % 256 - 128)) * (w - (zb % 256 - 128))
            bias = 0
        else:
            acc = sum(window)
        value = scale(i.mode, wrap32(acc), bias, i.multiplier, i.shift)
        return clamp(value + i.out_zero_point, i.minimum, i.maximum)


def make(name, **fields):
    """Make an instruction of one pixel, with what ``fields`` say."""
    values = {
        "ring_words": 1024, "b_ring_words": 1024, "out_ring_words": 1024, "out_ring_start": 4096,
        "out_address": 4096, "b_ring_start": 2048, "b_address": 2048,
        "rows": 1, "columns": 1, "blocks": 1, "kernel_h": 1, "kernel_w": 1, "b_column_stride": 1,
        "height": 1, "width": 1, "stride_y": 1, "stride_x": 1, "repeat_y": 1, "repeat_x": 1,
        "multiplier": 1 << 30, "minimum": -128, "maximum": 127,
    }  # fmt: skip
    return Instruction(BY_NAME[name], values | fields)
