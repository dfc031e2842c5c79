# SPDX-License-Identifier: Apache-2.0
"""Payloads between the parts of the depthwise engine.

Every part works through instructions on its own, with what it needs of them: fetching may be two
instructions ahead of writing. Addresses need as many bits as the memories have that they are for.
"""

from amaranth import *
from amaranth.lib import data
from amaranth.utils import exact_log2

from dpu_hw.layouts import word_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.isa import DEPTHWISE

__all__ = [
    "COORDINATE",
    "PARAMETER_BITS",
    "ROWS",
    "TAPS",
    "accumulator_layout",
    "blocks_layout",
    "column_layout",
    "column_tag_layout",
    "field_shape",
    "flags_layout",
    "geometry_layout",
    "output_tag_layout",
    "sums_layout",
    "window_layout",
    "window_sum_layout",
    "write_view_layout",
]

#: Rows, and columns, of the window.
ROWS = 3

#: Taps of the window, each a word of weights.
TAPS = ROWS * ROWS

#: A row or column of the input, or beyond its borders: 1023 outputs of stride 15 and two taps at
#: distance 63 stay within 16 bits.
COORDINATE = signed(16)

#: The sum of nine products of int8.
WINDOW_SUM = signed(19)


def field_shape(name):
    """Return the shape of a field of the instruction."""
    for field in DEPTHWISE.fields:
        if field.name == name:
            return signed(field.bits) if field.signed else unsigned(field.bits)
    raise KeyError(name)


#: Bits of the addresses of parameters in instructions.
PARAMETER_BITS = field_shape("parameters").width


def _fields(*names):
    return {name: field_shape(name) for name in names}


def flags_layout():
    """Return what is known of a pixel: the last of its row, block or instruction."""
    return data.StructLayout({"row_end": 1, "block_end": 1, "end": 1})


def geometry_layout(address_bits=ADDRESS_BITS):
    """Return how columns are fetched: raw fields, and what takes more than one addition to know.

    ``base`` and ``y`` belong to the three rows of the window at the first output row. Output rows
    are ``row_step`` words apart, or ``row_step_wrapped`` (less the ring) from ``row_limit`` on.
    Columns of one pixel are ``tap_step`` apart; from the last of a pixel to the first new one of
    the next, of which there are ``new_columns``, it is ``pixel_step``.
    """
    return data.StructLayout(
        {
            "base": data.ArrayLayout(address_bits, ROWS),
            "y": data.ArrayLayout(COORDINATE, ROWS),
            "row_step": address_bits,
            "row_step_wrapped": address_bits,
            "row_limit": address_bits + 1,
            "tap_step": field_shape("dilation_x"),
            "pixel_step": signed(8),
            "new_columns": 2,
            "block_stride": address_bits,
            **_fields("rows", "columns", "blocks", "stride_y", "x0", "height", "width"),
        }
    )


def blocks_layout(parameter_bits=PARAMETER_BITS):
    """Return where the parameters of an instruction's blocks are."""
    return data.StructLayout({"parameters": parameter_bits, **_fields("blocks", "last")})


def window_layout(lanes):
    """Return what the window needs of an instruction."""
    return data.StructLayout(
        {
            "zero_point": field_shape("zero_point"),
            "lane_map": data.ArrayLayout(exact_log2(lanes), lanes),
        }
    )


def sums_layout():
    """Return what the partial sums need of an instruction."""
    return data.StructLayout(_fields("partial_sum", "first", "last"))


def write_view_layout(address_bits=ADDRESS_BITS):
    """Return where the output lies; the ring may be as long as there are addresses."""
    return data.StructLayout(
        {
            "out_address": address_bits,
            "out_row_stride": address_bits,
            "out_block_stride": address_bits,
            "out_ring_start": address_bits,
            "out_ring_words": min(address_bits + 1, ADDRESS_BITS),
        }
    )


def column_tag_layout():
    """Return what a column of the window is for.

    ``outer`` and ``middle`` tell which columns of weights it meets: the first and the third, the
    second. Where no two pixels share all columns but one, it meets only one of both. ``pixel``
    tells that it completes the window of an output pixel, to which the flags belong.
    """
    return data.StructLayout({"outer": 1, "middle": 1, "pixel": 1, "flags": flags_layout()})


def column_layout(lanes):
    """Return a column of the window: a word of each row (any value where it lies outside)."""
    return data.StructLayout(
        {
            "words": data.ArrayLayout(word_layout(lanes), ROWS),
            "inside": ROWS,
            "tag": column_tag_layout(),
        }
    )


def window_sum_layout(lanes):
    """Return the sums of a pixel's windows, or of a part of its lanes.

    All parts have the pixel's flags; ``word_end`` marks the last of them.
    """
    return data.StructLayout(
        {
            "sums": data.ArrayLayout(WINDOW_SUM, lanes),
            "word_end": 1,
            "flags": flags_layout(),
        }
    )


def output_tag_layout():
    """Return what goes with a pixel to the writer: flags, and whether it is written at all.

    Of an instruction that keeps its sums only the end is sent, to signal that it is done in order.
    """
    return data.StructLayout({"flags": flags_layout(), "write": 1})


def accumulator_layout(lanes):
    """Return the accumulators of a pixel, or of a part of its lanes, see above."""
    return data.StructLayout(
        {
            "acc": data.ArrayLayout(signed(32), lanes),
            "word_end": 1,
            "tag": output_tag_layout(),
        }
    )
