# SPDX-License-Identifier: Apache-2.0
"""LOAD and STORE: between DRAM and the chip."""

from __future__ import annotations

import numpy as np

from dpu_spec.isa import TARGET_NAMES, TARGET_SCRATCHPAD, WINDOW_NAMES, WINDOW_PROGRAM

from .access import Access
from .address import Values, check_counts, check_steps, ring_rows
from .memory import ANY_VALUE, Buffer, Pixels, Words
from .races import Int64s


def load(access: Access, v: Values) -> None:
    """Copy from DRAM into a buffer."""
    target = v["target"]
    if target >= len(TARGET_NAMES):
        access.fail(f"target {target} is not defined.")
    buffer = access.memory.targets[target]
    window, pixels, addresses = _describe(access, v)
    data = access.read(window, pixels)
    lanes = access.configuration.lanes
    rows, columns, blocks = addresses.shape
    words = np.full((rows, columns, blocks * lanes), ANY_VALUE, np.int8)
    words[:, :, : pixels.depth] = data.view(np.int8)
    access.write(buffer, Words(addresses), words.reshape(rows, columns, blocks, lanes))
    access.statistics.read_bytes += pixels.bytes


def store(access: Access, v: Values) -> None:
    """Copy from the scratchpad to DRAM."""
    access.require(v["window"] != WINDOW_PROGRAM, "the program window is for reading only.")
    window, pixels, addresses = _describe(access, v)
    words = access.read(access.memory.targets[TARGET_SCRATCHPAD], Words(addresses))
    data = words.reshape(pixels.rows, pixels.columns, -1)[:, :, : pixels.depth]
    access.write(window, pixels, np.ascontiguousarray(data).view(np.uint8))
    access.statistics.written_bytes += pixels.bytes


def _describe(access: Access, v: Values) -> tuple[Buffer, Pixels, Int64s]:
    """Return the window, the bytes in it, and the words as [row, column, block]."""
    check_counts(access, v, "rows", "columns", "depth")
    rows, columns, depth = v["rows"], v["columns"], v["depth"]
    access.require(
        v["row_bytes"] == columns * depth,
        f"row_bytes is {v['row_bytes']}, not columns x depth = {columns * depth}.",
    )
    window = access.memory.windows.get(v["window"])
    if window is None:
        access.fail(f"the {WINDOW_NAMES[v['window']]} window is not open.")
    pixels = Pixels(
        v["dram_offset"],
        rows,
        columns,
        depth,
        v["dram_row_stride"],
        v["dram_column_stride"] or depth,
    )
    check_steps(access, v, "", (rows - 1, 1))
    row = ring_rows(access, v, "", np.arange(rows))
    blocks = np.arange(-(-depth // access.configuration.lanes)) * v["block_stride"]
    return window, pixels, row[:, None, None] + np.arange(columns)[:, None] + blocks
