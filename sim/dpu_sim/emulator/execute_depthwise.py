# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE: a 3x3 window over each channel."""

from __future__ import annotations

import numpy as np

from dpu_spec.isa import MODE_TFLITE

from .access import Access
from .address import (
    Values,
    check_counts,
    check_order,
    check_steps,
    input_words,
    output_view,
    taps,
)
from .memory import Run, Words
from .scaling import requantize, unpack_scales

_KERNEL = 3


def depthwise(access: Access, v: Values) -> None:
    """Sum nine products for each lane; keep the sums, or requantize and write them."""
    check_counts(access, v, "rows", "columns", "blocks")
    check_steps(access, v, "", (v["rows"] - 1, v["stride_y"]), (1, v["dilation_y"]))
    lanes = access.configuration.lanes
    rows, cols, blocks, last = v["rows"], v["columns"], v["blocks"], bool(v["last"])
    y = taps(v["y0"], rows, v["stride_y"], _KERNEL, v["dilation_y"], v["height"])
    x = taps(v["x0"], cols, v["stride_x"], _KERNEL, v["dilation_x"], v["width"])
    words = input_words(access, v, y, x, border=v["zero_point"])
    lane_map = [(v["lane_map"] >> 4 * lane) & 15 for lane in range(lanes)]
    access.require(max(lane_map) < lanes, f"lane_map names a lane beyond the {lanes} of a word.")
    if lane_map != list(range(lanes)):
        words = words[..., lane_map]
    block_words = 18 if last else 9
    parameters = access.read(
        access.memory.depthwise_parameters, Run(v["parameters"], block_words * blocks)
    ).reshape(blocks, block_words, lanes)

    sums = np.zeros((rows, cols, blocks, lanes), np.int32)
    wide = words.astype(np.int32)
    for ky in range(_KERNEL):
        band = wide[y.position[:, ky]]
        for kx in range(_KERNEL):
            sums += band[:, x.position[:, kx]] * parameters[:, ky * _KERNEL + kx].astype(np.int32)
    access.statistics.depthwise_macs += sums.size * _KERNEL * _KERNEL

    partial_sums = access.memory.partial_sums
    pixels = Run(v["partial_sum"], blocks * rows * cols)
    in_order = sums.transpose(2, 0, 1, 3)
    if not v["first"]:
        old = access.update(partial_sums, pixels, fresh=False)
        in_order = in_order + old.reshape(in_order.shape)
    if not last:
        access.write(partial_sums, pixels, in_order.reshape(-1, lanes))
        return
    access.require(v["mode"] == MODE_TFLITE, "mode must be 0: only the vector unit divides.")
    scales = unpack_scales(parameters[:, 9:])
    by_channel = in_order.transpose(1, 2, 0, 3).reshape(rows, cols, blocks * lanes)
    values = requantize(access, v, by_channel.astype(np.int64), scales)
    addresses = output_view(access, v)
    check_order(access, v, y, x, addresses)
    access.write(
        access.memory.scratchpad,
        Words(addresses),
        values.reshape(rows, cols, blocks, lanes).transpose(2, 0, 1, 3),
    )
