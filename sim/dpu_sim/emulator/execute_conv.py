# SPDX-License-Identifier: Apache-2.0
"""CONV and CONV_PATCH: the systolic array. DRAIN: from accumulators to the scratchpad."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dpu_spec.isa import MODE_TFLITE, PATCH_SEGMENTS

from .access import Access
from .address import (
    Values,
    check_counts,
    check_steps,
    input_words,
    output_view,
    ring_rows,
    taps,
)
from .memory import Run, Words
from .scaling import requantize, unpack_scales

#: Products of two int8 sum exactly in float32 up to this many of them.
EXACT_PRODUCTS = 1024
#: Multiplications up to which the usual BLAS doesn't start threads; those cost a hundred times what
#: they win here wherever the machine has something else to do.
ONE_THREAD = 1 << 18

Float32s = npt.NDArray[np.float32]


def conv(access: Access, v: Values) -> None:
    """Multiply-accumulate a tile of pixels over input blocks and kernel positions."""
    check_counts(access, v, "rows", "columns", "blocks", "kernel_h", "kernel_w")
    check_steps(access, v, "", (v["rows"] - 1, v["stride_y"]), (v["kernel_h"] - 1, v["dilation_y"]))
    lanes, columns = access.configuration.lanes, access.configuration.columns
    rows, cols, blocks, kh, kw = (
        v[name] for name in ("rows", "columns", "blocks", "kernel_h", "kernel_w")
    )
    y = taps(v["y0"], rows, v["stride_y"], kh, v["dilation_y"], v["height"])
    x = taps(v["x0"], cols, v["stride_x"], kw, v["dilation_x"], v["width"])
    words = input_words(access, v, y, x, border=v["zero_point"])
    if y.plain and x.plain:
        patches = words[:-1, :-1]
    else:
        patches = words[y.position[:, None, :, None], x.position[None, :, None, :]]
    passes = blocks * kh * kw
    weights = _weight_rows(access, v["weights"], passes * lanes)
    weights = weights.reshape(blocks, kh, kw, lanes, columns).transpose(1, 2, 0, 3, 4)
    sums = _matmul(
        patches.reshape(rows * cols, passes * lanes).astype(np.float32),
        weights.reshape(passes * lanes, columns),
    )
    _accumulate(access, v, sums)
    access.statistics.array_macs += rows * cols * passes * lanes * columns


def conv_patch(access: Access, v: Values) -> None:
    """One pass over lanes that are filled with runs of bytes."""
    check_counts(access, v, "rows", "columns")
    lanes, columns = access.configuration.lanes, access.configuration.columns
    rows, cols = v["rows"], v["columns"]
    check_steps(
        access,
        v,
        "",
        (rows - 1, v["stride_y"]),
        *((1, v[f"dy_{s}"]) for s in range(PATCH_SEGMENTS)),
    )
    patches = np.full((rows, cols, lanes), v["zero_point"], np.int8)
    addresses: list[npt.NDArray[np.int64]] = []
    fills = []
    first = 0
    for s in range(PATCH_SEGMENTS):
        # A lane belongs to the first segment that ends after it.
        end = min(v[f"end_{s}"], lanes)
        if end <= first:
            continue
        offsets = np.arange(rows) * v["stride_y"] + v[f"dy_{s}"]
        row_inside = (v["y0"] + offsets >= 0) & (v["y0"] + offsets < v["height"])
        row = ring_rows(access, v, "", offsets) + v[f"offset_{s}"]
        byte = v[f"start_{s}"] + np.arange(cols)[:, None] * v["step"] + np.arange(first, end)
        byte_inside = (byte >= 0) & (byte < v["row_bytes"])
        inside = row_inside[:, None, None] & byte_inside
        at = row[:, None, None] * lanes + byte
        words = np.unique(byte[byte_inside] // lanes)
        addresses.append((row[row_inside][:, None] + words).reshape(-1))
        fills.append((first, end, inside, at))
        first = end
    scratchpad = access.memory.scratchpad
    if addresses:
        access.read(scratchpad, Words(np.concatenate(addresses)))
    flat = scratchpad.data.reshape(-1)
    for first, end, inside, at in fills:
        patches[:, :, first:end][inside] = flat[at[inside]]
    weights = _weight_rows(access, v["weights"], lanes)
    sums = _matmul(patches.reshape(rows * cols, lanes).astype(np.float32), weights)
    _accumulate(access, v, sums)
    access.statistics.array_macs += rows * cols * lanes * columns


def drain(access: Access, v: Values) -> None:
    """Requantize accumulators into the scratchpad."""
    check_counts(access, v, "rows", "columns", "blocks")
    access.require(v["mode"] == MODE_TFLITE, "mode must be 0: only the vector unit divides.")
    lanes = access.configuration.lanes
    column_blocks = access.configuration.column_blocks
    rows, cols, blocks = v["rows"], v["columns"], v["blocks"]
    access.require(blocks <= column_blocks, f"blocks is {blocks}, the array has {column_blocks}.")
    acc = access.read(access.memory.accumulators, Run(v["accumulator"], rows * cols))
    parameters = access.read(access.memory.conv_parameters, Run(v["parameters"], 9 * blocks))
    scales = unpack_scales(parameters.reshape(blocks, 9, lanes))
    values = requantize(access, v, acc[:, : blocks * lanes].astype(np.int64), scales)
    addresses = output_view(access, v, "")
    access.write(
        access.memory.scratchpad,
        Words(addresses),
        values.reshape(rows, cols, blocks, lanes).transpose(2, 0, 1, 3),
    )


def _weight_rows(access: Access, first: int, rows: int) -> npt.NDArray[np.int8]:
    """Read rows of the weight buffer: [row, array column]."""
    per_row = access.configuration.column_blocks
    words = access.read(access.memory.weights, Run(first * per_row, rows * per_row))
    return words.reshape(rows, access.configuration.columns)


def _matmul(pixels: Float32s, weights: npt.NDArray[np.int8]) -> npt.NDArray[np.int32]:
    """Multiply int8 matrices exactly."""
    matrix = weights.astype(np.float32)
    total = np.zeros((len(pixels), matrix.shape[1]), np.int64)
    for first in range(0, len(matrix), EXACT_PRODUCTS):
        part = slice(first, first + EXACT_PRODUCTS)
        step = max(ONE_THREAD // matrix[part].size, 1)
        for row in range(0, len(pixels), step):
            rows = slice(row, row + step)
            total[rows] += (pixels[rows, part] @ matrix[part]).astype(np.int64)
    return total.astype(np.int32)


def _accumulate(access: Access, v: Values, sums: npt.NDArray[np.int32]) -> None:
    accumulators = access.memory.accumulators
    pixels = Run(v["accumulator"], len(sums))
    # int32 arrays wrap.
    old = access.update(accumulators, pixels, fresh=bool(v["clear"]))
    access.write(accumulators, pixels, old + sums)
