# SPDX-License-Identifier: Apache-2.0
"""The scratchpad words that an instruction reads and writes, from its fields alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import PATCH_SEGMENTS, TARGET_SCRATCHPAD

Addresses = npt.NDArray[np.int64]
_NONE = np.zeros(0, np.int64)
_WINDOW = 3


def words_read(instruction: Instruction, lanes: int) -> Addresses:
    """Return the addresses that it reads; some may occur twice."""
    v = instruction.values
    match instruction.format.name:
        case "CONV":
            return _window(v, v["kernel_h"], v["kernel_w"])
        case "CONV_PATCH":
            return np.concatenate([_NONE, *_segments(v, lanes)])
        case "DEPTHWISE":
            return _window(v, _WINDOW, _WINDOW)
        case "STORE":
            return _view(v, "", -(-v["depth"] // lanes))
        case "ADD" | "MULTIPLY":
            return np.concatenate([_window(v, v["kernel_h"], v["kernel_w"]), _operand_b(v)])
        case "ACCUMULATE" | "MAXIMUM" | "TABLE":
            return _window(v, v["kernel_h"], v["kernel_w"])
    return _NONE


def words_written(instruction: Instruction, lanes: int) -> Addresses:
    """Return the addresses that it writes."""
    v = instruction.values
    match instruction.engine:
        case Engine.LOAD if v["target"] == TARGET_SCRATCHPAD:
            return _view(v, "", -(-v["depth"] // lanes))
        case Engine.DRAIN:
            return _view(v, "", v["blocks"])
        case Engine.DEPTHWISE if v["last"]:
            return _view(v, "out_", v["blocks"])
        case Engine.VECTOR:
            return _view(v, "out_", v["blocks"])
    return _NONE


def _rows(v: dict[str, int], prefix: str, offsets: Addresses) -> Addresses:
    """Return the addresses of rows at these offsets from the first, in their ring."""
    start, words = v[f"{prefix}ring_start"], v[f"{prefix}ring_words"]
    first = v[f"{prefix}address"] - start
    return start + (first + offsets * v[f"{prefix}row_stride"]) % max(words, 1)


def _view(v: dict[str, int], prefix: str, blocks: int) -> Addresses:
    rows = _rows(v, prefix, np.arange(v["rows"]))
    planes = np.arange(blocks) * v[f"{prefix}block_stride"]
    return (planes[:, None, None] + rows[:, None] + np.arange(v["columns"])).reshape(-1)


@functools.lru_cache(maxsize=4096)
def _inside(
    origin: int, count: int, stride: int, kernel: int, dilation: int, repeat: int, limit: int
) -> Addresses:
    """Return the distinct offsets of a window's taps that lie inside the input."""
    offsets = np.arange(count)[:, None] // repeat * stride + np.arange(kernel) * dilation
    return np.unique(offsets[(origin + offsets >= 0) & (origin + offsets < limit)])


def _window(v: dict[str, int], kernel_h: int, kernel_w: int) -> Addresses:
    y = _inside(
        *(v["y0"], v["rows"], v["stride_y"], kernel_h),
        *(v.get("dilation_y", 1), v.get("repeat_y", 1), v["height"]),
    )
    x = _inside(
        *(v["x0"], v["columns"], v["stride_x"], kernel_w),
        *(v.get("dilation_x", 1), v.get("repeat_x", 1), v["width"]),
    )
    planes = np.arange(v["blocks"]) * v["block_stride"]
    rows = _rows(v, "", y)
    return (planes[:, None, None] + rows[:, None] + (v["x0"] + x)).reshape(-1)


def _operand_b(v: dict[str, int]) -> Addresses:
    rows = _rows(v, "b_", np.arange(v["rows"]))
    columns = np.arange(v["columns"] if v["b_column_stride"] else 1)
    planes = np.arange(v["blocks"]) * v["b_block_stride"]
    return (planes[:, None, None] + rows[:, None] + columns).reshape(-1)


def _segments(v: dict[str, int], lanes: int) -> Iterator[Addresses]:
    first = 0
    for s in range(PATCH_SEGMENTS):
        end = min(v[f"end_{s}"], lanes)
        if end <= first:
            continue
        offsets = np.arange(v["rows"]) * v["stride_y"] + v[f"dy_{s}"]
        inside = (v["y0"] + offsets >= 0) & (v["y0"] + offsets < v["height"])
        rows = _rows(v, "", offsets[inside]) + v[f"offset_{s}"]
        columns = np.arange(v["columns"])[:, None] * v["step"]
        byte = v[f"start_{s}"] + columns + np.arange(first, end)
        words = np.unique(byte[(byte >= 0) & (byte < v["row_bytes"])] // lanes)
        yield (rows[:, None] + words).reshape(-1)
        first = end
