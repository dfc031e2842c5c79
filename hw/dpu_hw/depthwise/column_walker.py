# SPDX-License-Identifier: Apache-2.0
"""The order of columns, and where their words are."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import (
    COORDINATE,
    ROWS,
    column_tag_layout,
    flags_layout,
    geometry_layout,
)
from dpu_hw.ports import ADDRESS_BITS
from dpu_hw.turn_counter import TurnCounter

__all__ = ["ColumnWalker", "place_layout"]


def place_layout(address_bits=ADDRESS_BITS):
    """Return where a column is: the address of each row's word, unless it is outside."""
    return data.StructLayout(
        {
            "address": data.ArrayLayout(address_bits, ROWS),
            "inside": ROWS,
            "tag": column_tag_layout(),
        }
    )


class ColumnWalker(wiring.Component):
    """List the columns of instructions, block by block and row by row, one a cycle without gaps.

    Parameters
    ----------
    address_bits : :class:`int`
        Bits that tell the words of the scratchpad apart.

    Members
    -------
    i : :py:`In(stream.Signature(geometry_layout(address_bits)))`
        Instructions.
    o : :py:`Out(stream.Signature(place_layout(address_bits)))`
        Columns, from two cycles after the instruction on.
    """

    def __init__(self, *, address_bits=ADDRESS_BITS):
        self._address_bits = address_bits
        super().__init__(
            {
                "i": In(stream.Signature(geometry_layout(address_bits))),
                "o": Out(stream.Signature(place_layout(address_bits))),
            }
        )

    @property
    def address_bits(self):
        """Bits that tell the words of the scratchpad apart."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()
        bits = self._address_bits

        active = Signal()
        now = Signal(geometry_layout(bits), reset_less=True)
        base = Signal(data.ArrayLayout(bits, ROWS), reset_less=True)
        y = Signal(data.ArrayLayout(COORDINATE, ROWS), reset_less=True)
        x = Signal(COORDINATE, reset_less=True)
        # Address of the column less that of its row, and what it is at the beginning of a row.
        offset = Signal(bits, reset_less=True)
        row_offset = Signal(bits, reset_less=True)
        # Columns of a pixel that are left, the present one excluded; there are none.
        taps = Signal(2)
        pixel = Signal()
        m.submodules.columns = columns = TurnCounter(width=now.columns.shape().width)
        m.submodules.rows = rows = TurnCounter(width=now.rows.shape().width)
        m.submodules.blocks = blocks = TurnCounter(width=now.blocks.shape().width)
        # What holds for a row is known a cycle late. There is time, since the first pixel of a row
        # is its third column: whether the next row lies beyond the end of the ring, and whether the
        # row is the last of the instruction.
        wraps = Signal(ROWS)
        last_row = Signal()
        m.d.sync += [
            wraps.eq(Cat(row >= now.row_limit for row in base)),
            last_row.eq(rows.last & blocks.last),
        ]
        flags = Signal(flags_layout())
        m.d.comb += [
            flags.row_end.eq(columns.last),
            flags.block_end.eq(columns.last & rows.last),
            flags.end.eq(columns.last & last_row),
        ]

        # Readiness comes late, so that it only enables registers. What they take depends on whether
        # an instruction would begin: if none does, they don't matter.
        free = Signal()
        move = Signal()
        begins = Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            move.eq(~active | free),
            begins.eq(~active | (pixel & flags.end)),
            self.i.ready.eq(move & begins),
            columns.load.eq(self.i.ready),
            columns.count.eq(self.i.p.columns),
            columns.step.eq(move & pixel),
            rows.load.eq(self.i.ready),
            rows.count.eq(self.i.p.rows),
            rows.step.eq(move & pixel & flags.row_end),
            blocks.load.eq(self.i.ready),
            blocks.count.eq(self.i.p.blocks),
            blocks.step.eq(move & pixel & flags.block_end),
        ]
        with m.If(move):
            with m.If(begins):
                m.d.sync += [
                    active.eq(self.i.valid),
                    now.eq(self.i.p),
                    base.eq(self.i.p.base),
                    y.eq(self.i.p.y),
                    x.eq(self.i.p.x0),
                    offset.eq(self.i.p.x0),
                    row_offset.eq(self.i.p.x0),
                    taps.eq(ROWS - 1),
                    pixel.eq(0),
                ]
            with m.Else():
                distance = Mux(pixel, now.pixel_step, now.tap_step)
                m.d.sync += [
                    x.eq(x + distance),
                    offset.eq(offset + distance),
                    taps.eq(taps - 1),
                    pixel.eq(taps == 1),
                ]
                with m.If(pixel):
                    m.d.sync += [taps.eq(now.new_columns - 1), pixel.eq(now.new_columns == 1)]
                with m.If(pixel & flags.row_end):
                    m.d.sync += [
                        x.eq(now.x0),
                        offset.eq(row_offset),
                        taps.eq(ROWS - 1),
                        pixel.eq(0),
                    ]
                    for k in range(ROWS):
                        step = Mux(wraps[k], now.row_step_wrapped, now.row_step)
                        m.d.sync += [base[k].eq(base[k] + step), y[k].eq(y[k] + now.stride_y)]
                with m.If(pixel & flags.block_end):
                    next_offset = row_offset + now.block_stride
                    m.d.sync += [
                        offset.eq(next_offset),
                        row_offset.eq(next_offset),
                        base.eq(now.base),
                        y.eq(now.y),
                    ]

        slides = now.new_columns == 1
        within = (x >= 0) & (x < now.width)
        with m.If(free):
            m.d.sync += [
                self.o.valid.eq(active),
                self.o.p.tag.outer.eq(slides | (taps != 1)),
                self.o.p.tag.middle.eq(slides | (taps == 1)),
                self.o.p.tag.pixel.eq(pixel),
                self.o.p.tag.flags.eq(flags),
            ]
            for k in range(ROWS):
                m.d.sync += [
                    self.o.p.address[k].eq(base[k] + offset),
                    self.o.p.inside[k].eq(within & (y[k] >= 0) & (y[k] < now.height)),
                ]
        return m
