# SPDX-License-Identifier: Apache-2.0
"""Addresses of one word for each output pixel."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import ADDRESS_BITS
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

        pixels = Signal(PIXELS)
        ring = pixels.ring
        active = Signal()
        # Position, as what is left of each loop, this iteration included.
        columns = Signal.like(pixels.extent.columns)
        rows = Signal.like(pixels.extent.rows)
        blocks = Signal.like(pixels.extent.blocks)
        # Address in three parts that never carry into each other's loops.
        block = Signal(ADDRESS_BITS)
        row = Signal(ADDRESS_BITS)
        column = Signal(12)

        last_column = columns == 1
        last_row = rows == 1
        last = Signal()
        step = Signal()
        m.d.comb += [
            last.eq(last_column & last_row & (blocks == 1)),
            step.eq(active & (~self.o.valid | self.o.ready)),
            self.i.ready.eq(~active | (step & last)),
        ]

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(step):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.address.eq(block + row + column),
                self.o.payload.last.eq(last),
                columns.eq(columns - 1),
                column.eq(column + pixels.column_stride),
            ]
            with m.If(last_column):
                m.d.sync += [
                    columns.eq(pixels.extent.columns),
                    column.eq(0),
                    rows.eq(rows - 1),
                    row.eq(ring_step(m, "row", row, ring.row_stride, ring.row_wrap)),
                ]
                with m.If(last_row):
                    m.d.sync += [
                        rows.eq(pixels.extent.rows),
                        row.eq(ring.offset),
                        blocks.eq(blocks - 1),
                        block.eq(block + ring.block_stride),
                    ]
        with m.If(self.i.ready):
            m.d.sync += active.eq(self.i.valid & self.i.payload.used)
            with m.If(self.i.valid & self.i.payload.used):
                new = self.i.payload
                m.d.sync += [
                    pixels.eq(new),
                    columns.eq(new.extent.columns),
                    rows.eq(new.extent.rows),
                    blocks.eq(new.extent.blocks),
                    block.eq(new.ring.start),
                    row.eq(new.ring.offset),
                    column.eq(0),
                ]

        return m
