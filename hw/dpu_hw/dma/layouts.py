# SPDX-License-Identifier: Apache-2.0
"""What the parts of the DMA hand each other."""

from amaranth import signed
from amaranth.lib import data
from amaranth.utils import ceil_log2, exact_log2

from dpu_hw.axi import ADDRESS_BITS as BUS_BITS
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.instruction import ENGINE_SLOTS
from dpu_spec.isa import LOAD, WINDOWS

__all__ = [
    "LOOP_BITS",
    "OFFSET_BITS",
    "beat_layout",
    "burst_layout",
    "loop_layout",
    "piece_layout",
    "run_layout",
    "strobed_layout",
    "transfer_layout",
    "walk_layout",
    "window_layout",
]

#: Bits of an offset in a window; the top one stays set once an offset has left the 32-bit range.
OFFSET_BITS = BUS_BITS + 1
#: Bits of the rows and columns of a transfer.
LOOP_BITS = 12

_WIDTHS = {field.name: field.bits for field in LOAD.body}
_DEPTH_BITS = _WIDTHS["depth"]
_WINDOW_BITS = ceil_log2(WINDOWS)


def window_layout():
    """Return the layout of a DRAM window: ``base`` address and ``size`` in bytes.

    ``base + size`` is at most 2**32.
    """
    return data.StructLayout({"base": BUS_BITS, "size": BUS_BITS})


def transfer_layout():
    """Return the layout of what LOAD and STORE have in common: LOAD's fields but for the header."""
    return data.StructLayout(_WIDTHS)


def loop_layout():
    """Return the layout of a transfer as runs of contiguous bytes: rows x columns of them.

    Loops over contiguous bytes are folded: there is a ``single_row`` or a ``single_column`` then,
    whatever ``rows`` and ``more_columns``, those after the first, count. ``more`` counts the bytes
    after the first of each run, and is -1 where it has none.
    """
    return data.StructLayout(
        {
            "window": _WINDOW_BITS,
            "offset": BUS_BITS,
            "row_step": _WIDTHS["dram_row_stride"],
            "column_step": _WIDTHS["dram_column_stride"],
            "rows": LOOP_BITS,
            "more_columns": LOOP_BITS,
            "single_row": 1,
            "single_column": 1,
            "more": BUS_BITS,
        }
    )


def walk_layout(*, data_bytes):
    """Return the layout of a transfer as a walk over words.

    ``more_columns`` counts the columns after the first, ``depth`` the bytes of a pixel, which are
    whole ``full`` words or not; ``single_row``, ``single_column`` and ``single_block`` tell where
    there is just one. A row is ``row_stride`` words after the one before it, or
    ``wrapped_stride`` where that began in the last ``row_stride`` words of the ring: ``slack`` is
    how far behind their beginning the first row begins, and negative if it is ahead.

    ``position``, ``row_step`` and ``column_step`` are the low bits of DRAM addresses. A run ends
    with each pixel, with each row, or with the transfer alone.
    """
    low = exact_log2(data_bytes)
    return data.StructLayout(
        {
            "target": _WIDTHS["target"],
            "address": ADDRESS_BITS,
            "row_stride": ADDRESS_BITS,
            "wrapped_stride": ADDRESS_BITS,
            "slack": signed(ADDRESS_BITS + 1),
            "block_stride": ADDRESS_BITS,
            "rows": LOOP_BITS,
            "more_columns": LOOP_BITS,
            "depth": _DEPTH_BITS,
            "full": 1,
            "single_row": 1,
            "single_column": 1,
            "single_block": 1,
            "position": low,
            "row_step": low,
            "column_step": low,
            "pixel_runs": 1,
            "row_runs": 1,
        }
    )


def run_layout():
    """Return the layout of a run: contiguous bytes of a window; ``last`` of its instruction.

    ``more`` counts the bytes after the first, and is -1 where there are none. ``owner`` is the
    engine that the run is for.
    """
    return data.StructLayout(
        {
            "window": _WINDOW_BITS,
            "offset": OFFSET_BITS,
            "more": BUS_BITS,
            "last": 1,
            "owner": ceil_log2(ENGINE_SLOTS),
        }
    )


def burst_layout():
    """Return the layout of a burst: its address, and how many beats ``more`` than one it has.

    ``last`` marks the last burst of an instruction.
    """
    return data.StructLayout({"address": BUS_BITS, "more": 8, "last": 1})


def piece_layout(*, lanes, data_bytes):
    """Return the layout of a piece: the bytes of one word, as they lie in the beats of a run.

    They begin at byte ``position`` of a beat, and reach over ``span`` beats, of which ``advance``
    hold nothing after them that is of use. ``end`` marks the last piece of a run, ``last`` that of
    the instruction.
    """
    spans = range((data_bytes - 1 + lanes - 1) // data_bytes + 2)
    return data.StructLayout(
        {
            "target": _WIDTHS["target"],
            "address": ADDRESS_BITS,
            "position": exact_log2(data_bytes),
            "bytes": range(lanes + 1),
            "span": spans,
            "advance": spans,
            "end": 1,
            "last": 1,
        }
    )


def beat_layout(*, data_bytes):
    """Return the layout of a beat of read data."""
    return data.ArrayLayout(8, data_bytes)


def strobed_layout(*, data_bytes):
    """Return the layout of a beat of write data with its strobes."""
    return data.StructLayout({"data": data.ArrayLayout(8, data_bytes), "strobe": data_bytes})
