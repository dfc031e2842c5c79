# SPDX-License-Identifier: Apache-2.0
"""Random instructions that keep the rules: inputs in the scratchpad's lower half, outputs above."""

import random

from dpu_spec import isa
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction

_SIDES = (1, 1, 2, 3, 4, 5, 7, 8, 9)


class Generator:
    def __init__(self, configuration: Configuration, rng: random.Random):
        self.c = configuration
        self.rng = rng

    def instruction(self, name: str) -> Instruction:
        values = getattr(self, name.lower())()
        return Instruction(isa.BY_NAME[name], values)

    def side(self) -> int:
        return self.rng.choice(_SIDES)

    def view(self, prefix, rows, columns, blocks, *, upper):
        """A view whose rows are apart; the ring may be higher than the rows."""
        rng = self.rng
        half = self.c.scratchpad_words // 2
        row_stride = columns + rng.randrange(3)
        ring_words = row_stride * (rows + rng.randrange(1, 3))
        block_stride = ring_words + columns + rng.randrange(3)
        room = half - ring_words - columns - (blocks - 1) * block_stride
        assert room > 0, "the random shapes are too large"
        start = half * upper + rng.randrange(room)
        return {
            f"{prefix}address": start + rng.randrange(ring_words // row_stride) * row_stride,
            f"{prefix}row_stride": row_stride,
            f"{prefix}block_stride": block_stride,
            f"{prefix}ring_start": start,
            f"{prefix}ring_words": ring_words,
        }

    def window(self, rows, columns, kernel_h, kernel_w, *, repeat_y=1, repeat_x=1, dilated=True):
        """Strides, dilations and an input that most of the taps fall into."""
        rng = self.rng
        v = {"stride_y": rng.randint(1, 3), "stride_x": rng.randint(1, 3)}
        v |= {
            "dilation_y": rng.randint(1, 2) if dilated else 1,
            "dilation_x": rng.randint(1, 2) if dilated else 1,
        }
        span_y = (rows - 1) // repeat_y * v["stride_y"] + (kernel_h - 1) * v["dilation_y"] + 1
        span_x = (columns - 1) // repeat_x * v["stride_x"] + (kernel_w - 1) * v["dilation_x"] + 1
        v |= {
            "y0": rng.randint(-kernel_h, 2),
            "x0": rng.randint(-kernel_w, 2),
            "height": rng.randint(1, span_y + 2),
            "width": rng.randint(1, span_x + 2),
        }
        return v, span_y

    def scaling(self, modes=(isa.MODE_TFLITE,)):
        low, high = sorted(self.rng.randint(-128, 127) for _ in range(2))
        if self.rng.random() < 0.5:
            low, high = -128, 127
        return {
            "out_zero_point": self.rng.randint(-128, 127),
            "minimum": low,
            "maximum": high,
            "mode": self.rng.choice(modes),
        }

    def conv_output(self):
        rows, columns = self.side(), self.side()
        return {
            "rows": rows,
            "columns": columns,
            "accumulator": self.rng.randint(0, self.c.accumulator_depth - rows * columns),
            "clear": self.rng.randint(0, 1),
            "zero_point": self.rng.randint(-128, 127),
        }

    def conv(self):
        v = self.conv_output()
        kernel_h, kernel_w = self.rng.randint(1, 3), self.rng.randint(1, 3)
        blocks = self.rng.randint(1, 2)
        window, span = self.window(v["rows"], v["columns"], kernel_h, kernel_w)
        used = kernel_h * kernel_w * blocks * self.c.lanes
        return (
            v
            | window
            | self.view("", span, window["width"], blocks, upper=False)
            | {"kernel_h": kernel_h, "kernel_w": kernel_w, "blocks": blocks}
            | {"weights": self.rng.randint(0, self.c.weight_rows - used)}
        )

    def conv_patch(self):
        rng = self.rng
        v = self.conv_output()
        stride = rng.randint(1, 3)
        dy = [rng.randint(0, 3) for _ in range(3)]
        ends = sorted(rng.randint(0, self.c.lanes) for _ in range(3))
        if rng.random() < 0.2:
            rng.shuffle(ends)
        step = rng.randint(0, 6)
        row_bytes = rng.randint(1, v["columns"] * step + 8)
        span = (v["rows"] - 1) * stride + max(dy) + 1
        view = self.view("", span, -(-row_bytes // self.c.lanes), 4, upper=False)
        plane = view.pop("block_stride")
        for s in range(3):
            v |= {
                f"end_{s}": ends[s],
                f"dy_{s}": dy[s],
                f"offset_{s}": rng.randrange(4) * plane,
                f"start_{s}": rng.randint(-2 * self.c.lanes, 4),
            }
        return (
            v
            | view
            | {"stride_y": stride, "y0": rng.randint(-3, 2), "height": rng.randint(1, span + 2)}
            | {"row_bytes": row_bytes, "step": step}
            | {"weights": rng.randint(0, self.c.weight_rows - self.c.lanes)}
        )

    def drain(self):
        v = self.conv_output()
        del v["clear"], v["zero_point"]
        blocks = self.rng.randint(1, self.c.column_blocks)
        return (
            v
            | self.view("", v["rows"], v["columns"], blocks, upper=True)
            | self.scaling()
            | {"blocks": blocks}
            | {"parameters": self.rng.randint(0, self.c.conv_parameter_words - 9 * blocks)}
        )

    def depthwise(self):
        rng = self.rng
        while True:
            rows, columns, blocks = self.side(), self.side(), rng.randint(1, 2)
            if rows * columns * blocks <= self.c.partial_sum_depth:
                break
        window, span = self.window(rows, columns, 3, 3)
        last = rng.randint(0, 1)
        lane_map = list(range(self.c.lanes))
        if rng.random() < 0.5:
            lane_map = [rng.randrange(self.c.lanes) for _ in lane_map]
        used = blocks * (18 if last else 9)
        return (
            window
            | self.view("", span, window["width"], blocks, upper=False)
            | self.view("out_", rows, columns, blocks, upper=True)
            | self.scaling()
            | {"rows": rows, "columns": columns, "blocks": blocks}
            | {"zero_point": rng.randint(-128, 127), "first": rng.randint(0, 1), "last": last}
            | {"partial_sum": rng.randint(0, self.c.partial_sum_depth - rows * columns * blocks)}
            | {"parameters": rng.randint(0, self.c.depthwise_parameter_words - used)}
            | {"lane_map": sum(lane << 4 * k for k, lane in enumerate(lane_map))}
        )

    def _vector(self, kernel):
        rng = self.rng
        rows, columns, blocks = self.side(), self.side(), rng.randint(1, 2)
        kernel_h, kernel_w = (rng.randint(1, 4), rng.randint(1, 4)) if kernel else (1, 1)
        repeat_y, repeat_x = rng.choice((1, 1, 2, 3)), rng.choice((1, 1, 2, 3))
        window, span = self.window(
            rows,
            columns,
            kernel_h,
            kernel_w,
            repeat_y=repeat_y,
            repeat_x=repeat_x,
            dilated=False,
        )
        del window["dilation_y"], window["dilation_x"]
        bits = rng.choice((4, 16, 31))
        return (
            window
            | self.view("", span, window["width"], blocks, upper=False)
            | self.view("b_", rows, columns, blocks, upper=False)
            | self.view("out_", rows, columns, blocks, upper=True)
            | self.scaling((isa.MODE_TFLITE, isa.MODE_DIVIDE))
            | {"rows": rows, "columns": columns, "blocks": blocks}
            | {"kernel_h": kernel_h, "kernel_w": kernel_w}
            | {"repeat_y": repeat_y, "repeat_x": repeat_x}
            | {"border": rng.randint(-128, 127), "slot": rng.randint(0, 1)}
            | {"b_column_stride": rng.randint(0, 1)}
            | {"bias": rng.randint(-(2**bits), 2**bits - 1)}
            | {"multiplier": rng.randint(0, 2**31 - 1), "shift": rng.randint(-31, 1)}
        )

    def add(self):
        return self._vector(False)

    def multiply(self):
        return self._vector(False)

    def accumulate(self):
        return self._vector(True)

    def maximum(self):
        return self._vector(True)

    def table(self):
        return self._vector(False)

    def _dram(self, window_bytes):
        rng = self.rng
        rows, columns, depth = self.side(), self.side(), rng.randint(1, 20)
        pixel = depth + rng.randrange(5)
        row = columns * pixel + rng.randrange(5)
        strided = rng.random() < 0.7
        return {
            "rows": rows,
            "columns": columns,
            "depth": depth,
            "row_bytes": columns * depth,
            "dram_column_stride": pixel if strided else 0,
            "dram_row_stride": row,
            "dram_offset": rng.randint(0, window_bytes - rows * row),
        }

    def load(self):
        v = self._dram(4096)
        blocks = -(-v["depth"] // self.c.lanes)
        view = self.view("", v["rows"], v["columns"], blocks, upper=False)
        return v | view | {"target": isa.TARGET_SCRATCHPAD, "window": isa.WINDOW_INPUT}

    def store(self):
        v = self._dram(4096)
        blocks = -(-v["depth"] // self.c.lanes)
        view = self.view("", v["rows"], v["columns"], blocks, upper=self.rng.random() < 0.5)
        return v | view | {"window": isa.WINDOW_OUTPUT}

    def lively_scales(self) -> bytes:
        """Nine words of scales of a block that leave most sums apart."""
        rng, lanes = self.rng, self.c.lanes
        bias = [rng.randint(-(2**12), 2**12) for _ in range(lanes)]
        multiplier = [rng.randint(2**30, 2**31 - 1) for _ in range(lanes)]
        return _scales(bias, multiplier, [rng.randint(-10, -8) for _ in range(lanes)])

    def valid_scales(self, blocks: int) -> bytes:
        """Nine words of scales for each block: extremes, or lively ones."""
        rng, lanes = self.rng, self.c.lanes
        data = b""
        for _ in range(blocks):
            if rng.random() < 0.5:
                data += self.lively_scales()
                continue
            bits = rng.choice((8, 20, 31))
            bias = [rng.randint(-(2**bits), 2**bits - 1) for _ in range(lanes)]
            multiplier = [rng.randint(0, 2**31 - 1) for _ in range(lanes)]
            shift = [
                rng.randint(-31, 1) if rng.random() < 0.3 else rng.randint(-12, 1)
                for _ in range(lanes)
            ]
            data += _scales(bias, multiplier, shift)
        return data


def _scales(bias: list[int], multiplier: list[int], shift: list[int]) -> bytes:
    words = b"".join(v.to_bytes(4, "little", signed=True) for v in bias + multiplier)
    return words + bytes(v % 256 for v in shift)


def run_of(target: int, address: int, size: int, lanes: int, *, window: int, offset: int = 0):
    """A LOAD of a plain run of bytes."""
    return Instruction(
        isa.LOAD,
        {
            "target": target,
            "window": window,
            "dram_offset": offset,
            "row_bytes": size,
            "rows": 1,
            "columns": 1,
            "depth": size,
            "address": address,
            "block_stride": 1,
            "ring_start": address,
            "ring_words": -(-size // lanes),
        },
    )


NAMES = tuple(format.name for format in isa.FORMATS)
ENGINES = {format.name: Engine(format.engine) for format in isa.FORMATS}
