# SPDX-License-Identifier: Apache-2.0
"""The order of columns, and where their words are."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import COORDINATE, ROWS, flags_layout, geometry_layout
from dpu_hw.ports import ADDRESS_BITS

__all__ = ["ColumnWalker", "place_layout"]


def place_layout():
    """Return where a column is: the address of each row's word, unless it is outside."""
    return data.StructLayout(
        {
            "address": data.ArrayLayout(ADDRESS_BITS, ROWS),
            "inside": ROWS,
            "pixel": 1,
            "flags": flags_layout(),
        }
    )


class ColumnWalker(wiring.Component):
    """List the columns of instructions, block by block and row by row, one a cycle without gaps.

    Members
    -------
    i : :py:`In(stream.Signature(geometry_layout()))`
        Instructions.
    o : :py:`Out(stream.Signature(place_layout()))`
        Columns, from two cycles after the instruction on.
    """

    def __init__(self):
        super().__init__(
            {
                "i": In(stream.Signature(geometry_layout())),
                "o": Out(stream.Signature(place_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()

        active = Signal()
        now = Signal(geometry_layout())
        base = Signal(data.ArrayLayout(ADDRESS_BITS, ROWS))
        y = Signal(data.ArrayLayout(COORDINATE, ROWS))
        x = Signal(COORDINATE)
        # Address of the column less that of its row, and what it is at the beginning of a row.
        offset = Signal(ADDRESS_BITS)
        row_offset = Signal(ADDRESS_BITS)
        # What is left to do, the present one included (or, of columns of a pixel, excluded).
        taps = Signal(2)
        columns = Signal.like(now.columns)
        rows = Signal.like(now.rows)
        blocks = Signal.like(now.blocks)

        flags = Signal(flags_layout())
        pixel = taps == 0
        m.d.comb += [
            flags.row_end.eq(columns == 1),
            flags.block_end.eq(flags.row_end & (rows == 1)),
            flags.end.eq(flags.block_end & (blocks == 1)),
        ]

        step = Signal()
        m.d.comb += step.eq(active & (~self.o.valid | self.o.ready))
        m.d.comb += self.i.ready.eq(~active | (step & pixel & flags.end))

        with m.If(step):
            distance = Mux(pixel, now.pixel_step, now.tap_step)
            m.d.sync += [x.eq(x + distance), offset.eq(offset + distance), taps.eq(taps - 1)]
            with m.If(pixel):
                m.d.sync += [taps.eq(now.new_columns - 1), columns.eq(columns - 1)]
                with m.If(flags.row_end):
                    m.d.sync += [
                        x.eq(now.x0),
                        offset.eq(row_offset),
                        taps.eq(ROWS - 1),
                        columns.eq(now.columns),
                        rows.eq(rows - 1),
                    ]
                    for k in range(ROWS):
                        wraps = base[k] >= now.row_limit
                        m.d.sync += [
                            base[k].eq(base[k] + Mux(wraps, now.row_step_wrapped, now.row_step)),
                            y[k].eq(y[k] + now.stride_y),
                        ]
                with m.If(flags.block_end):
                    next_offset = row_offset + now.block_stride
                    m.d.sync += [
                        offset.eq(next_offset),
                        row_offset.eq(next_offset),
                        rows.eq(now.rows),
                        base.eq(now.base),
                        y.eq(now.y),
                        blocks.eq(blocks - 1),
                    ]
                with m.If(flags.end):
                    m.d.sync += active.eq(0)

        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [
                active.eq(1),
                now.eq(self.i.p),
                base.eq(self.i.p.base),
                y.eq(self.i.p.y),
                x.eq(self.i.p.x0),
                offset.eq(self.i.p.x0),
                row_offset.eq(self.i.p.x0),
                taps.eq(ROWS - 1),
                columns.eq(self.i.p.columns),
                rows.eq(self.i.p.rows),
                blocks.eq(self.i.p.blocks),
            ]

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(step):
            within = (x >= 0) & (x < now.width)
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.p.pixel.eq(pixel),
                self.o.p.flags.eq(flags),
            ]
            for k in range(ROWS):
                m.d.sync += [
                    self.o.p.address[k].eq(base[k] + offset),
                    self.o.p.inside[k].eq(within & (y[k] >= 0) & (y[k] < now.height)),
                ]
        return m
