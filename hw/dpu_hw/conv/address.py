# SPDX-License-Identifier: Apache-2.0
"""Addresses of the pixels of a pass."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import COORDINATE, PASS, REQUEST
from dpu_hw.conv.ring import ring_step
from dpu_hw.ports import ADDRESS_BITS
from dpu_hw.turn_counter import TurnCounter

__all__ = ["PixelWalker"]


class PixelWalker(wiring.Component):
    """Turn each pass into a request for each of its pixels, one a cycle, without a gap.

    Members
    -------
    i : :py:`In(stream.Signature(PASS))`
        Passes.
    o : :py:`Out(stream.Signature(REQUEST))`
        Pixels; the first of a pass comes :attr:`latency` cycles after it.
    """

    i: In(stream.Signature(PASS))
    o: Out(stream.Signature(REQUEST))

    #: Cycles from a pass to its first pixel.
    latency = 3

    def elaborate(self, platform):
        m = Module()
        move = Signal()
        m.d.comb += move.eq(~self.o.valid | self.o.ready)

        # Stage 0: the position in the tile.
        active = Signal()
        now = Signal(PASS, reset_less=True)
        step_wrapped = Signal(signed(ADDRESS_BITS + 1), reset_less=True)
        m.submodules.rows = rows = TurnCounter(width=len(now.rows))
        m.submodules.columns = columns = TurnCounter(width=len(now.columns))
        x = Signal(COORDINATE, reset_less=True)
        first = Signal()
        row_end, pass_end = Signal(), Signal()
        take = Signal()
        m.d.comb += [
            row_end.eq(columns.last),
            pass_end.eq(columns.last & rows.last),
            self.i.ready.eq(move & (~active | pass_end)),
            take.eq(self.i.ready & self.i.valid),
            rows.load.eq(take),
            rows.count.eq(self.i.p.rows),
            rows.step.eq(move & active & row_end),
            columns.load.eq(take),
            columns.count.eq(self.i.p.columns),
            columns.step.eq(move & active),
        ]
        with m.If(move & active):
            m.d.sync += [
                first.eq(0),
                x.eq(x + now.stride_x),
                now.accumulator.eq(now.accumulator + 1),
            ]
            with m.If(row_end):
                m.d.sync += [
                    x.eq(now.x),
                    now.y.eq(now.y + now.stride_y),
                    now.row.eq(ring_step(m, "row", now.row, now.row_step, step_wrapped)),
                ]
        with m.If(self.i.ready):
            m.d.sync += active.eq(self.i.valid)
            with m.If(take):
                m.d.sync += [
                    now.eq(self.i.payload),
                    step_wrapped.eq(self.i.p.row_step - self.i.p.ring_words),
                    x.eq(self.i.p.x),
                    first.eq(1),
                ]

        # Stage 1: the row's address, and whether row and column are inside.
        valid_1 = Signal()
        row_1 = Signal(ADDRESS_BITS, reset_less=True)
        x_1 = Signal(COORDINATE, reset_less=True)
        inside_y, inside_x = Signal(), Signal()
        next_1 = Signal(REQUEST, reset_less=True)
        # Stage 2, the output: the pixel's address.
        request = Signal(REQUEST, reset_less=True)
        m.d.comb += self.o.payload.eq(request)
        with m.If(move):
            m.d.sync += [valid_1.eq(active), self.o.valid.eq(valid_1)]
            with m.If(active):
                m.d.sync += [
                    row_1.eq(now.row + now.base),
                    x_1.eq(x),
                    inside_y.eq(now.y.as_unsigned() < now.height),
                    inside_x.eq(x.as_unsigned() < now.width),
                    next_1.zero_point.eq(now.zero_point),
                    next_1.tag.first.eq(first),
                    next_1.tag.last.eq(pass_end),
                    next_1.tag.done.eq(pass_end & now.last),
                    next_1.tag.clear.eq(now.clear),
                    next_1.tag.accumulator.eq(now.accumulator),
                ]
            with m.If(valid_1):
                m.d.sync += [
                    request.eq(next_1),
                    request.address.eq(row_1 + x_1),
                    request.inside.eq(inside_y & inside_x),
                ]
        return m
