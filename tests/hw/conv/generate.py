# SPDX-License-Identifier: Apache-2.0
"""Random instructions of the conv engine."""

from dpu_spec.instruction import Instruction
from dpu_spec.isa import CONV, CONV_PATCH, DRAIN
from tests.hw.conv.model import scale_words


def _view(configuration, rng, *, steps, extent):
    """Return a view into a random ring; rows of ``extent`` words, each of ``steps`` fits."""
    words = configuration.scratchpad_words
    stride = extent + int(rng.integers(0, 3))
    ring_words = max(stride * max(1, *steps) + 1, int(rng.integers(stride, stride * 8)))
    ring_words = min(ring_words, words // 2)
    ring_start = int(rng.integers(0, words // 2 - ring_words + 1))
    return {
        "address": ring_start + int(rng.integers(0, ring_words)),
        "row_stride": stride,
        "ring_start": ring_start,
        "ring_words": ring_words,
    }


def random_conv(configuration, rng, *, pixels=40):
    """Return a CONV of up to so many pixels a pass."""
    lanes = configuration.lanes
    rows = int(rng.integers(1, 7))
    columns = int(rng.integers(1, max(2, pixels // rows)))
    kernel_h, kernel_w = (int(rng.choice((1, 1, 2, 3))) for _ in range(2))
    blocks = int(rng.choice((1, 1, 2, 3)))
    stride_y, stride_x = (int(rng.choice((1, 1, 2, 3))) for _ in range(2))
    dilation_y, dilation_x = (int(rng.choice((1, 1, 2, 5))) for _ in range(2))
    width = int(rng.integers(1, 12))
    passes = blocks * kernel_h * kernel_w
    steps = (
        stride_y if rows > 1 else 0,
        dilation_y if kernel_h > 1 else 0,
    )
    depth = configuration.accumulator_depth
    return Instruction(
        CONV,
        {
            **_view(configuration, rng, steps=steps, extent=width),
            "block_stride": int(rng.integers(0, 60)),
            "rows": rows,
            "columns": columns,
            "stride_y": stride_y,
            "accumulator": int(rng.integers(0, depth - rows * columns + 1)),
            "clear": int(rng.integers(0, 2)),
            "weights": int(rng.integers(0, configuration.weight_rows - passes * lanes + 1)),
            "zero_point": int(rng.integers(-128, 128)),
            "y0": int(rng.integers(-4, 5)),
            "x0": int(rng.integers(-4, 5)),
            "height": int(rng.integers(1, 12)),
            "width": width,
            "stride_x": stride_x,
            "dilation_y": dilation_y,
            "dilation_x": dilation_x,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "blocks": blocks,
        },
    )


def random_patch(configuration, rng, *, pixels=40, step=None):
    """Return a CONV_PATCH of up to so many pixels."""
    lanes = configuration.lanes
    rows = int(rng.integers(1, 7))
    columns = int(rng.integers(1, max(2, pixels // rows)))
    if step is None:
        step = int(rng.choice((0, 1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes + 1, 255)))
    row_bytes = int(rng.integers(1, 20 * lanes))
    stride_y = int(rng.choice((1, 2)))
    ends = sorted(int(n) for n in rng.integers(0, lanes + 2, 3))
    if rng.random() < 0.3:
        ends[0] = ends[1] = ends[2] = lanes
    dys = [int(rng.integers(0, 3)) for _ in range(3)]
    depth = configuration.accumulator_depth
    fields = {
        **_view(configuration, rng, steps=(stride_y, *dys), extent=-(-row_bytes // lanes)),
        "rows": rows,
        "columns": columns,
        "stride_y": stride_y,
        "accumulator": int(rng.integers(0, depth - rows * columns + 1)),
        "clear": int(rng.integers(0, 2)),
        "weights": int(rng.integers(0, configuration.weight_rows - lanes + 1)),
        "zero_point": int(rng.integers(-128, 128)),
        "y0": int(rng.integers(-3, 4)),
        "height": int(rng.integers(1, 10)),
        "row_bytes": row_bytes,
        "step": step,
    }
    for s in range(3):
        fields[f"end_{s}"] = ends[s]
        fields[f"dy_{s}"] = dys[s]
        fields[f"offset_{s}"] = int(rng.integers(0, 100))
        fields[f"start_{s}"] = int(rng.integers(-2 * lanes, 3 * lanes))
    return Instruction(CONV_PATCH, fields)


def random_drain(configuration, rng, conv):
    """Return a DRAIN of the pixels of a convolution into the upper half of the scratchpad."""
    half = configuration.scratchpad_words // 2
    stride = conv.columns + int(rng.integers(0, 3))
    ring_words = stride * conv.rows + int(rng.integers(1, 10))
    blocks = int(rng.integers(1, configuration.column_blocks + 1))
    # All blocks lie in one run of words each.
    block_stride = ring_words + int(rng.integers(0, 5))
    # A row that begins at the ring's end goes on behind it.
    room = half - block_stride * blocks - (conv.columns - 1)
    ring_start = half + int(rng.integers(0, room + 1))
    low, high = sorted(int(n) for n in rng.integers(-128, 128, 2))
    return Instruction(
        DRAIN,
        {
            "address": ring_start + int(rng.integers(0, ring_words)),
            "row_stride": stride,
            "block_stride": block_stride,
            "ring_start": ring_start,
            "ring_words": ring_words,
            "rows": conv.rows,
            "columns": conv.columns,
            "blocks": blocks,
            "accumulator": conv.accumulator,
            "parameters": int(rng.integers(0, SCALES - blocks + 1)) * 9,
            "out_zero_point": int(rng.integers(-128, 128)),
            "minimum": low,
            "maximum": high,
        },
    )


#: Blocks of scales in the parameter buffer.
SCALES = 6


def random_scales(model, rng):
    """Fill the model's scales; return the words of the parameter buffer by address."""
    lanes = model.configuration.lanes
    words = {}
    for block in range(SCALES):
        bias = rng.integers(-(2**14), 2**14, lanes)
        multiplier = rng.integers(2**30, 2**31, lanes)
        shift = rng.integers(-12, -5, lanes)
        if block == 0:
            bias = rng.integers(-(2**31), 2**31, lanes)
            multiplier = rng.integers(0, 2**31, lanes)
            shift = rng.integers(-31, 2, lanes)
        model.scales[9 * block] = (bias, multiplier, shift)
        for n, word in enumerate(scale_words(lanes, bias, multiplier, shift)):
            words[9 * block + n] = word
    return words
