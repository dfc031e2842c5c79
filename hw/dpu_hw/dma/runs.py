# SPDX-License-Identifier: Apache-2.0
"""The DRAM side of a transfer: its runs of contiguous bytes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.dma.layouts import OFFSET_BITS, loop_layout, run_layout

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
        loop = Signal(loop_layout())
        active = Signal()
        rows = Signal.like(loop.more_rows)
        columns = Signal.like(loop.more_columns)
        row_offset = Signal(OFFSET_BITS)
        offset = Signal(OFFSET_BITS)

        def step(base, stride):
            # Once out of range always out of range: an offset must not come back by wrapping.
            total = Signal(OFFSET_BITS)
            m.d.comb += total.eq(base[:-1] + stride)
            return Cat(total[:-1], total[-1] | base[-1])

        next_row = step(row_offset, loop.row_step)
        next_column = step(offset, loop.column_step)
        last_column = columns == 0
        last = last_column & (rows == 0)
        m.d.comb += [
            self.o.valid.eq(active),
            self.o.payload.window.eq(loop.window),
            self.o.payload.offset.eq(offset),
            self.o.payload.bytes.eq(loop.bytes),
            self.o.payload.last.eq(last),
            self.i.ready.eq(~active),
        ]
        with m.If(active & self.o.ready):
            with m.If(last_column):
                m.d.sync += [
                    row_offset.eq(next_row),
                    offset.eq(next_row),
                    columns.eq(loop.more_columns),
                    rows.eq(rows - 1),
                    active.eq(~last),
                ]
            with m.Else():
                m.d.sync += [offset.eq(next_column), columns.eq(columns - 1)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                loop.eq(self.i.payload),
                row_offset.eq(self.i.payload.offset),
                offset.eq(self.i.payload.offset),
                rows.eq(self.i.payload.more_rows),
                columns.eq(self.i.payload.more_columns),
                active.eq(1),
            ]
        return m
