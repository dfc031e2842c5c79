# SPDX-License-Identifier: Apache-2.0
"""The instruction set in plain loops, one number at a time, written from its pseudo-code.

Every method returns what the instruction writes: values by (buffer, address). A lane that may hold
anything is None.
"""

from dpu_spec import isa
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Instruction


def wrap32(x):
    return (x + 2**31) % 2**32 - 2**31


# The scaling's pseudo-code is Python: run the very text.
_NAMESPACE = {"TFLITE": isa.MODE_TFLITE, "DIVIDE": isa.MODE_DIVIDE, "wrap32": wrap32}
exec(isa.SCALE_PSEUDOCODE, _NAMESPACE)
scale = _NAMESPACE["scale"]


def clamp(x, low, high):
    return max(low, min(high, x))


def signed8(x):
    return (x + 128) % 256 - 128


class NaiveMachine:
    def __init__(self, configuration: Configuration):
        c = self.c = configuration
        self.lanes = c.lanes
        self.buffers = {
            name: [[0] * c.lanes for _ in range(words)]
            for name, words in (
                ("scratchpad", c.scratchpad_words),
                ("weights", c.weight_words),
                ("conv_parameters", c.conv_parameter_words),
                ("depthwise_parameters", c.depthwise_parameter_words),
                ("table", 4096 // c.lanes),
                ("partial_sums", c.partial_sum_depth),
            )
        }
        self.buffers["accumulators"] = [[0] * c.columns for _ in range(c.accumulator_depth)]
        self.dram = {}

    def execute(self, i: Instruction):
        return getattr(self, i.format.name.lower())(i)

    def commit(self, writes):
        for (buffer, address), values in writes.items():
            if buffer.endswith("window"):
                window = isa.WINDOW_NAMES.index(buffer.split()[0])
                self.dram[window][address] = values % 256
            else:
                self.buffers[buffer][address] = [int(v) for v in values]

    def scales(self, buffer, address):
        words = self.buffers[buffer][address : address + 9]
        data = bytes(v % 256 for word in words for v in word)
        n = self.lanes

        def int32(k):
            return int.from_bytes(data[4 * k : 4 * k + 4], "little", signed=True)

        return (
            [int32(lane) for lane in range(n)],
            [int32(n + lane) for lane in range(n)],
            [words[8][lane] for lane in range(n)],
        )

    @staticmethod
    def ring(i, a, prefix=""):
        start, words = getattr(i, prefix + "ring_start"), getattr(i, prefix + "ring_words")
        return start + (a - start) % words

    def _dma(self, i):
        for r in range(i.rows):
            for c in range(i.columns):
                at = i.dram_offset + r * i.dram_row_stride + c * (i.dram_column_stride or i.depth)
                for b in range(-(-i.depth // self.lanes)):
                    n = min(self.lanes, i.depth - b * self.lanes)
                    word = self.ring(i, i.address + r * i.row_stride) + b * i.block_stride + c
                    yield at + b * self.lanes, word, n

    def load(self, i):
        writes = {}
        for at, word, n in self._dma(i):
            data = [signed8(v) for v in self.dram[i.window][at : at + n]]
            writes[isa.TARGET_NAMES[i.target], word] = data + [None] * (self.lanes - n)
        return writes

    def store(self, i):
        writes = {}
        for at, word, n in self._dma(i):
            for k in range(n):
                name = f"{isa.WINDOW_NAMES[i.window]} window"
                writes[name, at + k] = self.buffers["scratchpad"][word][k]
        return writes

    def tile(self, row):
        blocks = self.c.column_blocks
        words = self.buffers["weights"]
        return [
            [v for j in range(blocks) for v in words[(row + k) * blocks + j]]
            for k in range(self.lanes)
        ]

    @staticmethod
    def product(pixel, tile):
        return [
            sum(p * row[column] for p, row in zip(pixel, tile, strict=True))
            for column in range(len(tile[0]))
        ]

    def conv(self, i):
        acc = {}
        number = 0
        for b in range(i.blocks):
            for ky in range(i.kernel_h):
                for kx in range(i.kernel_w):
                    tile = self.tile(i.weights + number * self.lanes)
                    for r in range(i.rows):
                        for c in range(i.columns):
                            y = i.y0 + r * i.stride_y + ky * i.dilation_y
                            x = i.x0 + c * i.stride_x + kx * i.dilation_x
                            if 0 <= y < i.height and 0 <= x < i.width:
                                step = r * i.stride_y + ky * i.dilation_y
                                row = self.ring(i, i.address + step * i.row_stride)
                                pixel = self.buffers["scratchpad"][row + b * i.block_stride + x]
                            else:
                                pixel = [i.zero_point] * self.lanes
                            a = i.accumulator + r * i.columns + c
                            if i.clear and number == 0:
                                old = [0] * self.c.columns
                            else:
                                old = acc.get(a, self.buffers["accumulators"][a])
                            new = self.product(pixel, tile)
                            acc[a] = [wrap32(o + n) for o, n in zip(old, new, strict=True)]
                    number += 1
        return {("accumulators", a): values for a, values in acc.items()}

    def conv_patch(self, i):
        writes = {}
        tile = self.tile(i.weights)
        for r in range(i.rows):
            for c in range(i.columns):
                pixel = []
                for lane in range(self.lanes):
                    s = next((s for s in range(3) if lane < getattr(i, f"end_{s}")), None)
                    if s is None:
                        pixel.append(i.zero_point)
                        continue
                    dy = getattr(i, f"dy_{s}")
                    y = i.y0 + r * i.stride_y + dy
                    byte = getattr(i, f"start_{s}") + c * i.step + lane
                    if 0 <= y < i.height and 0 <= byte < i.row_bytes:
                        row = self.ring(i, i.address + (r * i.stride_y + dy) * i.row_stride)
                        row += getattr(i, f"offset_{s}")
                        word = self.buffers["scratchpad"][row + byte // self.lanes]
                        pixel.append(word[byte % self.lanes])
                    else:
                        pixel.append(i.zero_point)
                a = i.accumulator + r * i.columns + c
                old = [0] * self.c.columns if i.clear else self.buffers["accumulators"][a]
                new = self.product(pixel, tile)
                writes["accumulators", a] = [wrap32(o + n) for o, n in zip(old, new, strict=True)]
        return writes

    @staticmethod
    def requantized(i, acc, bias, multiplier, shift):
        value = scale(i.mode, acc, bias, multiplier, shift)
        return clamp(value + i.out_zero_point, i.minimum, i.maximum)

    def drain(self, i):
        writes = {}
        for b in range(i.blocks):
            bias, multiplier, shift = self.scales("conv_parameters", i.parameters + 9 * b)
            for r in range(i.rows):
                for c in range(i.columns):
                    acc = self.buffers["accumulators"][i.accumulator + r * i.columns + c]
                    part = acc[b * self.lanes : (b + 1) * self.lanes]
                    word = self.ring(i, i.address + r * i.row_stride) + b * i.block_stride + c
                    writes["scratchpad", word] = [
                        self.requantized(i, part[k], bias[k], multiplier[k], shift[k])
                        for k in range(self.lanes)
                    ]
        return writes

    def depthwise(self, i):
        writes = {}
        block_words = 18 if i.last else 9
        parameters = self.buffers["depthwise_parameters"]
        for b in range(i.blocks):
            base = i.parameters + block_words * b
            weights = parameters[base : base + 9]
            if i.last:
                bias, multiplier, shift = self.scales("depthwise_parameters", base + 9)
            for r in range(i.rows):
                for c in range(i.columns):
                    p = i.partial_sum + (b * i.rows + r) * i.columns + c
                    total = [0] * self.lanes if i.first else list(self.buffers["partial_sums"][p])
                    for ky in range(3):
                        for kx in range(3):
                            y = i.y0 + r * i.stride_y + ky * i.dilation_y
                            x = i.x0 + c * i.stride_x + kx * i.dilation_x
                            if 0 <= y < i.height and 0 <= x < i.width:
                                step = r * i.stride_y + ky * i.dilation_y
                                row = self.ring(i, i.address + step * i.row_stride)
                                word = self.buffers["scratchpad"][row + b * i.block_stride + x]
                            else:
                                word = [i.zero_point] * self.lanes
                            for k in range(self.lanes):
                                source = i.lane_map >> 4 * k & 15
                                tap = weights[ky * 3 + kx][k]
                                total[k] = wrap32(total[k] + word[source] * tap)
                    if i.last:
                        word = self.ring(i, i.out_address + r * i.out_row_stride, "out_")
                        writes["scratchpad", word + b * i.out_block_stride + c] = [
                            self.requantized(i, total[k], bias[k], multiplier[k], shift[k])
                            for k in range(self.lanes)
                        ]
                    else:
                        writes["partial_sums", p] = total
        return writes

    def entry(self, slot, which, value):
        address = 4 * (512 * slot + 256 * which + value % 256)
        data = [
            self.buffers["table"][(address + k) // self.lanes][(address + k) % self.lanes] % 256
            for k in range(4)
        ]
        return int.from_bytes(bytes(data), "little", signed=True)

    def _vector(self, i, compute, b_operand=False):
        writes = {}
        scratchpad = self.buffers["scratchpad"]
        for b in range(i.blocks):
            for r in range(i.rows):
                for c in range(i.columns):
                    w = None
                    if b_operand:
                        row = self.ring(i, i.b_address + r * i.b_row_stride, "b_")
                        w = scratchpad[row + b * i.b_block_stride + c * i.b_column_stride]
                    window = []
                    for ky in range(i.kernel_h):
                        for kx in range(i.kernel_w):
                            y = i.y0 + (r // i.repeat_y) * i.stride_y + ky
                            x = i.x0 + (c // i.repeat_x) * i.stride_x + kx
                            if 0 <= y < i.height and 0 <= x < i.width:
                                step = (r // i.repeat_y) * i.stride_y + ky
                                row = self.ring(i, i.address + step * i.row_stride)
                                window.append(scratchpad[row + b * i.block_stride + x])
                            else:
                                window.append([i.border] * self.lanes)
                    word = self.ring(i, i.out_address + r * i.out_row_stride, "out_")
                    writes["scratchpad", word + b * i.out_block_stride + c] = [
                        compute([v[k] for v in window], None if w is None else w[k])
                        for k in range(self.lanes)
                    ]
        return writes

    def add(self, i):
        def compute(window, w):
            total = self.entry(i.slot, 0, window[0]) + self.entry(i.slot, 1, w)
            return self.requantized(i, total, i.bias, i.multiplier, i.shift)

        return self._vector(i, compute, b_operand=True)

    def multiply(self, i):
        za, zb = signed8(i.bias % 256), signed8(i.bias // 256 % 256)

        def compute(window, w):
            product = (window[0] - za) * (w - zb)
            return self.requantized(i, product, 0, i.multiplier, i.shift)

        return self._vector(i, compute, b_operand=True)

    def accumulate(self, i):
        return self._vector(
            i, lambda v, _: self.requantized(i, sum(v), i.bias, i.multiplier, i.shift)
        )

    def maximum(self, i):
        return self._vector(i, lambda v, _: clamp(max(v), i.minimum, i.maximum))

    def table(self, i):
        return self._vector(i, lambda v, _: signed8(self.entry(i.slot, 0, v[0])))
