# SPDX-License-Identifier: Apache-2.0
"""The DRAM side of a transfer: its runs of contiguous bytes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.dma.layouts import LOOP_BITS, OFFSET_BITS, loop_layout, run_layout
from dpu_hw.loop_counter import LoopCounter

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
        m.submodules.rows = rows = LoopCounter(width=LOOP_BITS, final=0)
        m.submodules.columns = columns = LoopCounter(width=LOOP_BITS, final=0)
        row_offset = Signal(OFFSET_BITS, reset_less=True)
        offset = Signal(OFFSET_BITS, reset_less=True)

        def step(base, stride):
            # Once out of range always out of range: an offset must not come back by wrapping.
            total = Signal(OFFSET_BITS)
            m.d.comb += total.eq(base[:-1] + stride)
            return Cat(total[:-1], total[-1] | base[-1])

        next_row = step(row_offset, loop.row_step)
        next_column = step(offset, loop.column_step)
        last = columns.last & rows.last
        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            go.eq(active & self.o.ready),
            rows.load.eq(take),
            rows.count.eq(self.i.payload.more_rows),
            rows.step.eq(go & columns.last),
            columns.load.eq(take),
            columns.count.eq(self.i.payload.more_columns),
            columns.step.eq(go),
            self.o.valid.eq(active),
            self.o.payload.window.eq(loop.window),
            self.o.payload.offset.eq(offset),
            self.o.payload.bytes.eq(loop.bytes),
            self.o.payload.last.eq(last),
            self.i.ready.eq(~active),
        ]
        with m.If(go):
            m.d.sync += offset.eq(Mux(columns.last, next_row, next_column))
            with m.If(columns.last):
                m.d.sync += [row_offset.eq(next_row), active.eq(~rows.last)]
        with m.If(take):
            m.d.sync += [
                loop.eq(self.i.payload),
                row_offset.eq(self.i.payload.offset),
                offset.eq(self.i.payload.offset),
                active.eq(1),
            ]
        return m
