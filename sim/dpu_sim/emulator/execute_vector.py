# SPDX-License-Identifier: Apache-2.0
"""ADD, MULTIPLY, ACCUMULATE, MAXIMUM and TABLE: the vector unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dpu_spec.isa import TABLE_ENTRIES

from .access import Access
from .address import (
    Taps,
    Values,
    check_counts,
    check_order,
    check_steps,
    input_words,
    output_view,
    ring_rows,
    taps,
)
from .memory import Run, Words
from .races import Int64s
from .scaling import Scales, clamp, requantize

Int8s = npt.NDArray[np.int8]


def add(access: Access, v: Values) -> None:
    """Scale the sum of two table entries."""

    def compute(a: Int8s) -> Int8s:
        entries_a, entries_b = _table(access, v, 0), _table(access, v, 1)
        total = entries_a[a.view(np.uint8)] + entries_b[_operand_b(access, v).view(np.uint8)]
        return requantize(access, v, total, _scales(v))

    _element_wise(access, v, compute, b_operand=True)


def multiply(access: Access, v: Values) -> None:
    """Scale the product of two operands less their zero points."""

    def compute(a: Int8s) -> Int8s:
        zero_a, zero_b = (int(np.uint8(v["bias"] >> bit & 255).view(np.int8)) for bit in (0, 8))
        b = _operand_b(access, v).astype(np.int64)
        return requantize(
            access, v, (a.astype(np.int64) - zero_a) * (b - zero_b), _scales(v, bias=0)
        )

    _element_wise(access, v, compute, b_operand=True)


def table(access: Access, v: Values) -> None:
    """Look every value up in table A."""

    def compute(a: Int8s) -> Int8s:
        return _table(access, v, 0).astype(np.int8)[a.view(np.uint8)]

    _element_wise(access, v, compute)


def accumulate(access: Access, v: Values) -> None:
    """Scale the sum of a window."""

    def reduce(windows: Int8s) -> Int8s:
        total = windows.sum(axis=(2, 3), dtype=np.int64)
        return requantize(access, v, total, _scales(v))

    _windowed(access, v, reduce)


def maximum(access: Access, v: Values) -> None:
    """Take the maximum of a window."""

    def reduce(windows: Int8s) -> Int8s:
        return clamp(access, v, windows.max(axis=(2, 3)))

    _windowed(access, v, reduce)


def _element_wise(
    access: Access, v: Values, compute: Callable[[Int8s], Int8s], *, b_operand: bool = False
) -> None:
    access.require(v["kernel_h"] == 1 and v["kernel_w"] == 1, "the window must be 1x1.")
    _windowed(access, v, lambda windows: compute(windows[:, :, 0, 0]), b_operand=b_operand)


def _windowed(
    access: Access, v: Values, reduce: Callable[[Int8s], Int8s], *, b_operand: bool = False
) -> None:
    """Gather windows as [row, column, ky, kx, block, lane], reduce and write them."""
    check_counts(
        access, v, "rows", "columns", "blocks", "kernel_h", "kernel_w", "repeat_y", "repeat_x"
    )
    repeat_y, repeat_x = max(v["repeat_y"], 1), max(v["repeat_x"], 1)
    rows_moved = (v["rows"] - 1) // repeat_y
    check_steps(access, v, "", (rows_moved, v["stride_y"]), (v["kernel_h"] - 1, 1))
    y = taps(v["y0"], v["rows"], v["stride_y"], v["kernel_h"], 1, v["height"], repeat_y)
    x = taps(v["x0"], v["columns"], v["stride_x"], v["kernel_w"], 1, v["width"], repeat_x)
    words = input_words(access, v, y, x, border=v["border"])
    out = reduce(_windows(words, y, x))
    addresses = output_view(access, v)
    check_order(access, v, y, x, addresses)
    if b_operand:
        _check_order_of_b(access, v, addresses)
    lanes = access.configuration.lanes
    out = out.reshape(v["rows"], v["columns"], v["blocks"], lanes)
    access.write(access.memory.scratchpad, Words(addresses), out.transpose(2, 0, 1, 3))


def _windows(words: Int8s, y: Taps, x: Taps) -> Int8s:
    if y.plain and x.plain:
        return words[:-1, :-1][:, :, None, None]
    return words[y.position[:, None, :, None], x.position[None, :, None, :]]


def _b_addresses(access: Access, v: Values) -> Int64s:
    """Return the addresses of operand b as [row, column, block]."""
    check_steps(access, v, "b_", (v["rows"] - 1, 1))
    rows = ring_rows(access, v, "b_", np.arange(v["rows"]))
    columns = np.arange(v["columns"]) * v["b_column_stride"]
    return rows[:, None, None] + columns[:, None] + np.arange(v["blocks"]) * v["b_block_stride"]


def _operand_b(access: Access, v: Values) -> Int8s:
    words: Int8s = access.read(access.memory.scratchpad, Words(_b_addresses(access, v)))
    return words


def _check_order_of_b(access: Access, v: Values, written: Int64s) -> None:
    """As :func:`check_order`, for operand b."""
    scratchpad = access.memory.scratchpad
    if not access.reads_what_it_writes(scratchpad, written):
        return
    order = np.arange(written.size).reshape(written.shape)
    last_read = np.full(scratchpad.size, -1)
    np.maximum.at(last_read, _b_addresses(access, v).transpose(2, 0, 1), order)
    late = last_read[written] > order
    if late.any():
        access.self_race(scratchpad, int(written[late][0]))


def _scales(v: Values, bias: int | None = None) -> Scales:
    return Scales(
        np.array(v["bias"] if bias is None else bias, np.int64),
        np.array(v["multiplier"], np.int64),
        np.array(v["shift"], np.int64),
    )


def _table(access: Access, v: Values, which: int) -> Int64s:
    """Read a table's 256 entries, indexed by the byte of a value."""
    per_word = access.configuration.lanes // 4
    entry = TABLE_ENTRIES * (2 * v["slot"] + which)
    words = access.read(access.memory.table, Run(entry // per_word, TABLE_ENTRIES // per_word))
    return words.reshape(-1).view("<i4").astype(np.int64)
