# SPDX-License-Identifier: Apache-2.0
"""The DRAM side of a transfer: its runs of contiguous bytes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.dma.layouts import LOOP_BITS, OFFSET_BITS, loop_layout, run_layout
from dpu_hw.dma.loop import Loop

__all__ = ["Runs"]


class Runs(wiring.Component):
    """Step through the rows and columns of a transfer in DRAM.

    Members
    -------
    i : :py:`In(stream.Signature(loop_layout()))`
        Transfers.
    o : :py:`Out(stream.Signature(run_layout()))`
        Their runs, one a cycle, from the next cycle on.
    """

    i: In(stream.Signature(loop_layout()))
    o: Out(stream.Signature(run_layout()))

    def elaborate(self, platform):
        m = Module()
        loop = Signal(loop_layout(), reset_less=True)
        active = Signal()
        take = Signal()
        go = Signal()
        row_ends = Signal()
        m.submodules.rows = rows = Loop(width=LOOP_BITS, final=1)
        m.submodules.columns = columns = Loop(width=LOOP_BITS, final=0)
        first = self.i.payload
        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            go.eq(active & self.o.ready),
            row_ends.eq(go & columns.last),
            rows.load.eq(take),
            rows.count.eq(loop.rows),
            rows.single.eq(Mux(take, first.single_row, loop.single_row)),
            rows.step.eq(row_ends),
            columns.load.eq(take),
            columns.count.eq(loop.more_columns),
            columns.single.eq(Mux(take, first.single_column, loop.single_column)),
            columns.step.eq(go),
            self.o.valid.eq(active),
            self.i.ready.eq(~active),
        ]

        # Where the row begins, and how far in it the run does: that begins anew by a reset.
        row_offset = Signal(OFFSET_BITS, reset_less=True)
        in_row = Signal(len(loop.column_step) + LOOP_BITS, reset_less=True)
        next_row = Signal(OFFSET_BITS)
        offset = Signal(OFFSET_BITS)
        # Once out of range always out of range: an offset must not come back by wrapping.
        beyond = row_offset[-1]
        m.d.comb += [
            next_row.eq(row_offset[:-1] + loop.row_step),
            offset.eq(row_offset[:-1] + in_row),
            self.o.payload.window.eq(loop.window),
            self.o.payload.offset.eq(Cat(offset[:-1], offset[-1] | beyond)),
            self.o.payload.more.eq(loop.more),
            self.o.payload.last.eq(columns.last & rows.last),
        ]
        with m.If(take | row_ends):
            m.d.sync += in_row.eq(0)
        with m.Elif(go):
            m.d.sync += in_row.eq(in_row + loop.column_step)
        with m.If(take):
            m.d.sync += [loop.eq(first), row_offset.eq(first.offset), active.eq(1)]
        with m.Elif(row_ends):
            m.d.sync += [
                row_offset.eq(Cat(next_row[:-1], next_row[-1] | beyond)),
                active.eq(~rows.last),
            ]
        return m
