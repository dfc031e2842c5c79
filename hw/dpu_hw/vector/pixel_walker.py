# SPDX-License-Identifier: Apache-2.0
"""Addresses of one word for each output pixel."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import ADDRESS_BITS
from dpu_hw.turn_counter import TurnCounter
from dpu_hw.vector.layouts import PIXELS
from dpu_hw.vector.ring import ring_step

__all__ = ["PIXEL_ADDRESS", "PixelWalker"]

#: ``last`` marks the last pixel of an instruction.
PIXEL_ADDRESS = data.StructLayout({"address": ADDRESS_BITS, "last": 1})


class PixelWalker(wiring.Component):
    """Walk over blocks, rows and columns, one address a cycle without gaps. A piece that is not
    ``used`` gives none.

    Members
    -------
    i : :py:`In(stream.Signature(PIXELS))`
        Where to walk; the next piece is taken with the last pixel of the one before.
    o : :py:`Out(stream.Signature(PIXEL_ADDRESS))`
        Addresses, the first two cycles after the piece was taken.
    """

    i: In(stream.Signature(PIXELS))
    o: Out(stream.Signature(PIXEL_ADDRESS))

    def elaborate(self, platform):
        m = Module()

        new = self.i.payload
        pixels = Signal(PIXELS, reset_less=True)
        ring = pixels.ring
        active = Signal()
        loops = (
            ("column", new.extent.columns),
            ("row", new.extent.rows),
            ("block", new.extent.blocks),
        )
        counters = {}
        for name, count in loops:
            m.submodules[name] = counters[name] = TurnCounter(width=len(count))
        row_end = counters["column"].last
        plane_end = Signal()
        end = Signal()
        m.d.comb += [
            plane_end.eq(row_end & counters["row"].last),
            end.eq(plane_end & counters["block"].last),
        ]
        # Address in three parts that never carry into each other's loops.
        block = Signal(ADDRESS_BITS, reset_less=True)
        row = Signal(ADDRESS_BITS, reset_less=True)
        column = Signal(12, reset_less=True)
        address = Signal(ADDRESS_BITS, reset_less=True)
        m.d.comb += self.o.payload.address.eq(address)

        # What is to be loaded is already, over and over, while there is nothing to walk over: the
        # piece's validity comes late.
        move = Signal()
        load = Signal()
        m.d.comb += [
            move.eq(~active | ~self.o.valid | self.o.ready),
            load.eq(~active | end),
            self.i.ready.eq(move & load),
        ]
        with m.If(self.i.ready):
            m.d.sync += [active.eq(self.i.valid & new.used), pixels.eq(new)]

        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                self.o.valid.eq(active),
                address.eq(block + row + column),
                self.o.payload.last.eq(end),
            ]

        # When each loop goes on. A loop that has come to its end begins again.
        when = {"column": 1, "row": row_end, "block": plane_end}
        for name, count in loops:
            m.d.comb += [
                counters[name].load.eq(self.i.ready),
                counters[name].count.eq(count),
                counters[name].step.eq(move & when[name]),
            ]
        row_next = ring_step(m, "row", row, ring.row_stride, ring.row_wrap)
        with m.If(move):
            m.d.sync += column.eq(Mux(load | row_end, 0, column + pixels.column_stride))
            with m.If(load):
                m.d.sync += [row.eq(new.ring.offset), block.eq(new.ring.start)]
            with m.Elif(plane_end):
                m.d.sync += [row.eq(ring.offset), block.eq(block + ring.block_stride)]
            with m.Elif(row_end):
                m.d.sync += row.eq(row_next)

        return m
