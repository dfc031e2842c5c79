# SPDX-License-Identifier: Apache-2.0
"""What travels between the parts of the conv engine."""

from amaranth import *
from amaranth.lib import data

from dpu_hw.layouts import word_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.isa import PATCH_SEGMENTS

__all__ = [
    "ACCUMULATOR_BITS",
    "COORDINATE",
    "PASS",
    "PIXEL_TAG",
    "POSITION",
    "REQUEST",
    "SEQUENCE_BITS",
    "patch_layout",
    "pixel_layout",
    "read_ports",
]

#: Bits of an accumulator's address in instructions.
ACCUMULATOR_BITS = 12

#: Input coordinates: 2047 + 1023 x 15 + 126 x 63 fits.
COORDINATE = signed(16)

#: Byte positions in a row: 32767 + 1023 x 255 + 2 x 15 fits.
POSITION = signed(20)

#: Bits of running numbers of words that a patch segment reads: a row has fewer than half as many.
SEQUENCE_BITS = 16

#: What goes with a pixel through the array.
PIXEL_TAG = data.StructLayout(
    {
        "first": 1,  # first pixel of a pass: swap the weights
        "last": 1,  # last pixel of a pass
        "done": 1,  # last pixel of an instruction
        "clear": 1,  # overwrite the accumulators
        "accumulator": ACCUMULATOR_BITS,
    }
)

#: One pass of CONV: the pixels of a tile for one kernel position and one block of channels.
PASS = data.StructLayout(
    {
        "rows": 10,
        "columns": 10,
        "x": COORDINATE,  # input column of the first output column
        "y": COORDINATE,  # input row of the first output row
        "row": ADDRESS_BITS,  # words from the start of the ring to input row y
        "base": ADDRESS_BITS,  # start of the ring, plus the block's offset
        "row_step": ADDRESS_BITS,  # words from an output row to the next
        "ring_words": ADDRESS_BITS,
        "stride_x": 4,
        "stride_y": 4,
        "height": 12,
        "width": 12,
        "zero_point": signed(8),
        "accumulator": ACCUMULATOR_BITS,
        "clear": 1,
        "last": 1,  # last pass of the instruction
        "weights": 16,
    }
)

#: One pixel to be read, or a border pixel to be made.
REQUEST = data.StructLayout(
    {"address": ADDRESS_BITS, "inside": 1, "zero_point": signed(8), "tag": PIXEL_TAG}
)


def pixel_layout(lanes):
    """Return the layout of a pixel on its way into the array."""
    return data.StructLayout({"data": word_layout(lanes), "tag": PIXEL_TAG})


def patch_layout(lanes):
    """Return the layout of a CONV_PATCH, prepared for the reader.

    Positions in a segment's rows are relative to the first word that is read of each row.
    """
    segment = data.StructLayout(
        {
            "y": COORDINATE,  # input row of the first output row
            "inside_y": 1,  # whether there is such a row
            "next_y": COORDINATE,  # input row of the second output row
            "inside_next_y": 1,  # whether there is such a row
            "row": ADDRESS_BITS,  # words from the start of the ring to input row y
            "base": ADDRESS_BITS,  # start of the ring, plus the offset and the first word
            "words": 15,  # words that are read of each row
            "position": POSITION,  # of lane 0 at output column 0
            "first": POSITION,  # of the segment's first lane there
            "above": POSITION,  # first byte after the segment there, rounded up by a word
            "next_above": POSITION,  # the same at output column 1
            "inside": POSITION,  # bytes of the row from lane 0 on there
            "mask": lanes,  # lanes
        }
    )
    return data.StructLayout(
        {
            "rows": 10,
            "columns": 10,
            "stride_y": 4,
            "step": 8,  # bytes from an output column to the next
            "row_step": ADDRESS_BITS,  # words from an output row to the next
            "ring_words": ADDRESS_BITS,
            "height": 12,
            "zero_point": signed(8),
            "accumulator": ACCUMULATOR_BITS,
            "clear": 1,
            "weights": 16,
            "segments": data.ArrayLayout(segment, PATCH_SEGMENTS),
        }
    )


def read_ports(configuration):
    """Return how many ports of the scratchpad the conv engine reads through."""
    return PATCH_SEGMENTS if configuration.patch_reader else 1
