# SPDX-License-Identifier: Apache-2.0
"""The instruction's pseudo-code in plain loops, and random instructions."""

import numpy as np

from dpu_spec.isa import DEPTHWISE, Instruction
from tests.hw.requantize.reference import clamp, scale_tflite, wrap32


class Model:
    """State of the engine and the memories around it."""

    def __init__(self, configuration, rng):
        self.lanes = configuration.lanes
        draw = np.random.default_rng(rng.randrange(1 << 32))
        self.scratchpad = draw.integers(-128, 128, (configuration.scratchpad_words, self.lanes))
        self.parameters = np.zeros((configuration.depthwise_parameter_words, self.lanes), np.uint8)
        self.used_parameters = 0
        self.partial_sums = np.zeros((configuration.partial_sum_depth, self.lanes), np.int64)

    def scales(self, at):
        """Return bias, multiplier and shift of each lane."""
        words = self.parameters[at : at + 9].tobytes()
        count = 4 * self.lanes
        return (
            np.frombuffer(words[:count], "<i4"),
            np.frombuffer(words[count : 2 * count], "<i4"),
            np.frombuffer(words[2 * count :], "i1"),
        )

    def run(self, i):
        """Execute an instruction; return the writes that it makes."""

        def ring(address):
            return i.ring_start + (address - i.ring_start) % i.ring_words

        def ring_out(address):
            return i.out_ring_start + (address - i.out_ring_start) % i.out_ring_words

        output = {name: getattr(i, name) for name in ("minimum", "maximum")}
        output["zero_point"] = i.out_zero_point
        lane_map = [i.lane_map >> (4 * lane) & 15 for lane in range(self.lanes)]
        writes = []
        for b in range(i.blocks):
            at = i.parameters + b * (18 if i.last else 9)
            weights = self.parameters[at : at + 9].astype(np.int8).astype(np.int64)
            for r in range(i.rows):
                for c in range(i.columns):
                    p = i.partial_sum + (b * i.rows + r) * i.columns + c
                    total = 0 if i.first else self.partial_sums[p]
                    for ky in range(3):
                        for kx in range(3):
                            y = i.y0 + r * i.stride_y + ky * i.dilation_y
                            x = i.x0 + c * i.stride_x + kx * i.dilation_x
                            word = np.full(self.lanes, i.zero_point)
                            if 0 <= y < i.height and 0 <= x < i.width:
                                steps = r * i.stride_y + ky * i.dilation_y
                                row = ring(i.address + steps * i.row_stride)
                                word = self.scratchpad[row + b * i.block_stride + x]
                            total = total + word[lane_map] * weights[ky * 3 + kx]
                    total = [wrap32(int(t)) for t in total]
                    if i.last:
                        rows = zip(total, *self.scales(at + 9), strict=True)
                        word = [clamp(scale_tflite(*map(int, v)), output) for v in rows]
                        row = ring_out(i.out_address + r * i.out_row_stride)
                        writes.append((row + b * i.out_block_stride + c, word))
                    else:
                        self.partial_sums[p] = total
        for address, word in writes:
            self.scratchpad[address] = word
        return writes


def view(rng, prefix, *, start, rows, width, blocks, step):
    """Place a tensor in a ring of rows, its blocks side by side or one behind the other."""
    ring_rows = rng.randint(step + 1, max(step + 1, rows + 1))
    if rng.random() < 0.5:
        row_stride, block_stride = blocks * width, width
    else:
        row_stride = width + rng.randint(0, 2)
        block_stride = ring_rows * row_stride
    return {
        f"{prefix}address": start + row_stride * rng.randrange(ring_rows),
        f"{prefix}row_stride": row_stride,
        f"{prefix}block_stride": block_stride,
        f"{prefix}ring_start": start,
        f"{prefix}ring_words": ring_rows * row_stride,
    }


def kernel(configuration, rng, *, parts=1, **fixed):
    """Return instructions that compute one output, with windows, strides and borders at random."""
    lanes = configuration.lanes
    size = {
        "rows": rng.randint(1, 5),
        "columns": rng.randint(1, 8),
        "blocks": rng.randint(1, 3),
        "stride_y": rng.randint(1, 3),
        "stride_x": rng.randint(1, 3),
        **fixed,
    }
    pixels = size["rows"] * size["columns"] * size["blocks"]
    base = rng.randint(0, max(0, configuration.partial_sum_depth - pixels))
    output = view(
        rng,
        "out_",
        start=configuration.scratchpad_words // 2 + rng.randrange(100),
        rows=size["rows"],
        width=size["columns"],
        blocks=size["blocks"],
        step=1,
    )
    identity = sum(lane << (4 * lane) for lane in range(16))
    low, high = sorted(rng.sample(range(-128, 128), 2))
    low, high = rng.choice(((-128, 127), (-128, 127), (low, high)))
    instructions = []
    for part in range(parts):
        dilation = rng.choice((1, 1, 2, 3)), rng.choice((1, 1, 2, 5))
        values = {
            "dilation_y": dilation[0],
            "dilation_x": dilation[1],
            "height": rng.randint(1, 9),
            "width": rng.randint(1, 12),
            "y0": rng.randint(-7, 3),
            "x0": rng.randint(-8, 3),
            **size,
            **output,
            "zero_point": rng.randint(-128, 127),
            "partial_sum": base,
            "first": int(part == 0),
            "last": int(part == parts - 1),
            "out_zero_point": rng.randint(-128, 127),
            "minimum": low,
            "maximum": high,
            "lane_map": rng.choice(
                (identity, sum(rng.randrange(lanes) << (4 * lane) for lane in range(lanes)))
            ),
        }
        values.update(
            view(
                rng,
                "",
                start=rng.randrange(100),
                rows=values["height"],
                width=values["width"],
                blocks=values["blocks"],
                step=max(values["stride_y"], values["dilation_y"]),
            )
        )
        values.update({name: fixed[name] for name in fixed if name in values})
        instructions.append(Instruction(DEPTHWISE, values))
    return instructions


def place_parameters(model, rng, instructions):
    """Give each instruction parameters of its own, with scales that keep results within int8."""
    at = 0
    lanes = model.lanes
    for instruction in instructions:
        instruction.parameters = at
        for _ in range(instruction.blocks):
            words = [rng.randint(-128, 127) for _ in range(9 * lanes)]
            model.parameters[at : at + 9] = np.array(words).astype(np.uint8).reshape(9, lanes)
            at += 9
            if instruction.last:
                bias = [rng.randint(-30000, 30000) for _ in range(lanes)]
                multiplier = [rng.randint(1 << 30, (1 << 31) - 1) for _ in range(lanes)]
                shift = [rng.randint(-9, -6) for _ in range(lanes)]
                image = (
                    np.array(bias + multiplier, "<i4").tobytes() + np.array(shift, "i1").tobytes()
                )
                model.parameters[at : at + 9] = np.frombuffer(image, np.uint8).reshape(9, lanes)
                at += 9
    model.used_parameters = at
