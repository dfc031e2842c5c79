# SPDX-License-Identifier: Apache-2.0
"""Transfers cut into bursts, as ``dpu_hw.dma`` does it; how many beats they are."""

from __future__ import annotations

from dpu_compiler.cycles.engine import Values

#: Beats of the longest burst (``dma.bus``).
BURST_BEATS = 64


def runs(i: Values) -> tuple[int, int, list[int]]:
    """Return the runs of contiguous bytes of a LOAD or STORE.

    The number of cycles that folding rows takes (``dma.prepare``), the bytes of each run, and the
    offsets at which they begin.
    """
    rows, columns, length = i["rows"], i["columns"], i["row_bytes"]
    offset, step = i["dram_offset"], i["dram_row_stride"]
    column_step = i["dram_column_stride"]
    if columns > 1 and column_step not in (0, i["depth"]):
        starts = [offset + r * step + c * column_step for r in range(rows) for c in range(columns)]
        return 0, i["depth"], starts
    if rows > 1 and step == length:
        return rows.bit_length(), rows * length, [offset]
    return 0, length, [offset + r * step for r in range(rows)]


def beats(offset: int, length: int, size: int) -> int:
    """Return the beats of ``size`` bytes that a run touches."""
    return (offset + length - 1) // size - offset // size + 1


def cut(offset: int, length: int, size: int) -> list[int]:
    """Return the beats of each burst of a run; bursts end at multiples of the longest."""
    first, last = offset // size, (offset + length - 1) // size
    if first // BURST_BEATS == last // BURST_BEATS:
        return [last - first + 1]
    found = []
    while first <= last:
        end = min(last, first | BURST_BEATS - 1)
        found.append(end - first + 1)
        first = end + 1
    return found


def words(i: Values, lanes: int) -> int:
    """Return the words of a LOAD or STORE."""
    return i["rows"] * i["columns"] * -(-i["depth"] // lanes)


def row_words(i: Values, lanes: int) -> int:
    """Return the words of a row of a LOAD or STORE if they lie one after the other; else 0."""
    if i["depth"] <= lanes:
        return i["columns"]
    return -(-i["depth"] // lanes) if i["columns"] == 1 and i["block_stride"] == 1 else 0
