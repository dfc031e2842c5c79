# SPDX-License-Identifier: Apache-2.0
"""Decoded instructions of the vector unit, in the pieces that its parts take."""

from amaranth import signed, unsigned
from amaranth.lib import data, enum

from dpu_hw.ports import ADDRESS_BITS

__all__ = [
    "COORDINATE",
    "EXTENT",
    "OPERATION",
    "PIXELS",
    "RING",
    "SCALING",
    "WINDOW",
    "Operation",
]

#: Input coordinates: from -2048 up to a first tap of 2047 + 4094 * 15 and 254 taps on. Without a
#: sign all but those of the input are too large for it, the negative ones as well.
COORDINATE = unsigned(16)


class Operation(enum.Enum, shape=unsigned(3)):
    """What the lanes do."""

    #: Sum of an entry of table A for operand a and one of table B for operand b.
    ADD = 0
    #: Product of the operands less their zero points.
    MULTIPLY = 1
    #: Sum of a window.
    ACCUMULATE = 2
    #: Maximum of a window.
    MAXIMUM = 3
    #: Low byte of an entry of table A.
    TABLE = 4


#: A view of a tensor in a ring. Rows are counted from the ring's start, so that wrapping needs no
#: comparison: ``row_wrap`` is the stride less the ring's words, and the sign of offset + row_wrap
#: tells.
RING = data.StructLayout(
    {
        "offset": unsigned(ADDRESS_BITS),
        "start": unsigned(ADDRESS_BITS),
        "row_stride": unsigned(ADDRESS_BITS),
        "row_wrap": signed(ADDRESS_BITS + 1),
        "block_stride": unsigned(ADDRESS_BITS),
    }
)

#: The loops over output pixels.
EXTENT = data.StructLayout({"rows": 12, "columns": 12, "blocks": 11})

#: One word for each output pixel. ``used``: there is such an operand at all.
PIXELS = data.StructLayout({"ring": RING, "extent": EXTENT, "column_stride": 1, "used": 1})

#: A window of words for each output pixel. ``step`` is the distance in words of the rows that
#: consecutive output rows begin at, ``step_wrap`` that less the ring's words.
WINDOW = data.StructLayout(
    {
        "ring": RING,
        "extent": EXTENT,
        "step": unsigned(ADDRESS_BITS),
        "step_wrap": signed(ADDRESS_BITS + 1),
        "kernel_h": unsigned(8),
        "kernel_w": unsigned(8),
        "stride_y": unsigned(4),
        "stride_x": unsigned(4),
        "y0": signed(12),
        "x0": signed(12),
        "height": unsigned(12),
        "width": unsigned(12),
        "repeat_y": unsigned(4),
        "repeat_x": unsigned(4),
    }
)

#: What happens to operands before scaling.
OPERATION = data.StructLayout(
    {
        "operation": Operation,
        "slot": unsigned(1),
        "border": signed(8),
        "zero_a": signed(8),
        "zero_b": signed(8),
    }
)

#: Scale and clamp, the same for all lanes.
SCALING = data.StructLayout(
    {
        "bias": signed(32),
        "multiplier": unsigned(31),
        "shift": signed(6),
        "zero_point": signed(8),
        "minimum": signed(8),
        "maximum": signed(8),
        "mode": unsigned(2),
    }
)
