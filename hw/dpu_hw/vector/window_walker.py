# SPDX-License-Identifier: Apache-2.0
"""Addresses of a window of words for each output pixel."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import ADDRESS_BITS
from dpu_hw.turn_counter import TurnCounter
from dpu_hw.vector.layouts import COORDINATE, WINDOW
from dpu_hw.vector.ring import ring_step

__all__ = ["TAP", "TAP_ADDRESS", "WindowWalker"]

#: A tap's place: the first and the last of a window, the last of an instruction.
TAP = data.StructLayout({"first": 1, "last": 1, "end": 1})

#: A tap that is not ``inside`` the input has no address.
TAP_ADDRESS = data.StructLayout({"address": ADDRESS_BITS, "inside": 1, "tag": TAP})


class WindowWalker(wiring.Component):
    """Walk over blocks, rows, columns and the taps of each window, one tap a cycle without gaps.

    Members
    -------
    i : :py:`In(stream.Signature(WINDOW))`
        Where to walk; the next piece is taken with the last tap of the one before.
    o : :py:`Out(stream.Signature(TAP_ADDRESS))`
        Addresses, the first two cycles after the piece was taken.
    """

    i: In(stream.Signature(WINDOW))
    o: Out(stream.Signature(TAP_ADDRESS))

    def elaborate(self, platform):
        m = Module()

        new = self.i.payload
        window = Signal(WINDOW, reset_less=True)
        ring = window.ring
        active = Signal()

        # Loops, innermost first, and the last iterations of each with all that are inside it.
        loops = (
            ("kernel_x", new.kernel_w),
            ("kernel_y", new.kernel_h),
            ("repeat_x", new.repeat_x),
            ("column", new.extent.columns),
            ("repeat_y", new.repeat_y),
            ("row", new.extent.rows),
            ("block", new.extent.blocks),
        )
        counters = {}
        for name, count in loops:
            m.submodules[name] = counters[name] = TurnCounter(width=len(count))
        last_x = counters["kernel_x"].last
        last_tap = Signal()
        row_end = Signal()
        plane_end = Signal()
        end = Signal()
        m.d.comb += [
            last_tap.eq(last_x & counters["kernel_y"].last),
            row_end.eq(last_tap & counters["column"].last),
            plane_end.eq(row_end & counters["row"].last),
            end.eq(plane_end & counters["block"].last),
        ]

        # Where this tap reads, and where the first taps of this pixel and of this row do.
        x = Signal(COORDINATE, reset_less=True)
        x_pixel = Signal(COORDINATE, reset_less=True)
        y = Signal(COORDINATE, reset_less=True)
        y_row = Signal(COORDINATE, reset_less=True)
        offset = Signal(ADDRESS_BITS, reset_less=True)
        offset_row = Signal(ADDRESS_BITS, reset_less=True)
        block = Signal(ADDRESS_BITS, reset_less=True)
        address = Signal(ADDRESS_BITS, reset_less=True)
        first = Signal()

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
            m.d.sync += [active.eq(self.i.valid), window.eq(new)]

        tap = self.o.payload
        m.d.comb += tap.address.eq(address)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [
                self.o.valid.eq(active),
                address.eq(block + offset + x),
                tap.inside.eq((y < window.height) & (x < window.width)),
                tap.tag.first.eq(first),
                tap.tag.last.eq(last_tap),
                tap.tag.end.eq(end),
            ]

        # When each loop goes on. A loop that has come to its end begins again.
        when = {
            "kernel_x": 1,
            "kernel_y": last_x,
            "repeat_x": last_tap,
            "column": last_tap,
            "repeat_y": row_end,
            "row": row_end,
            "block": plane_end,
        }
        # Repeats begin again with each row, or plane, wherever they are.
        again = {"repeat_x": row_end, "repeat_y": plane_end}
        for name, count in loops:
            m.d.comb += [
                counters[name].load.eq(~active | (move & again.get(name, end))),
                counters[name].count.eq(count),
                counters[name].step.eq(move & when[name]),
            ]
        for name in again:
            m.d.comb += counters[name].count.eq(Mux(load, new[name], window[name]))

        x_next = Signal(COORDINATE)
        y_next = Signal(COORDINATE)
        stride_x = Mux(counters["repeat_x"].last, window.stride_x, 0)
        m.d.comb += [x_next.eq(x_pixel + stride_x), y_next.eq(y_row + window.stride_y)]
        offset_tap = ring_step(m, "tap", offset, ring.row_stride, ring.row_wrap)
        offset_next = ring_step(m, "row", offset_row, window.step, window.step_wrap)
        with m.If(move):
            m.d.sync += first.eq(load | last_tap)
            with m.If(load):
                m.d.sync += [x.eq(new.x0), x_pixel.eq(new.x0)]
            with m.Elif(row_end):
                m.d.sync += [x.eq(window.x0), x_pixel.eq(window.x0)]
            with m.Elif(last_tap):
                m.d.sync += [x.eq(x_next), x_pixel.eq(x_next)]
            with m.Elif(last_x):
                m.d.sync += x.eq(x_pixel)
            with m.Else():
                m.d.sync += x.eq(x + 1)

            with m.If(load):
                m.d.sync += [
                    *(v.eq(new.y0) for v in (y, y_row)),
                    *(v.eq(new.ring.offset) for v in (offset, offset_row)),
                ]
            with m.Elif(plane_end):
                m.d.sync += [
                    *(v.eq(window.y0) for v in (y, y_row)),
                    *(v.eq(ring.offset) for v in (offset, offset_row)),
                ]
            with m.Elif(row_end & counters["repeat_y"].last):
                m.d.sync += [
                    *(v.eq(y_next) for v in (y, y_row)),
                    *(v.eq(offset_next) for v in (offset, offset_row)),
                ]
            with m.Elif(last_tap):
                m.d.sync += [y.eq(y_row), offset.eq(offset_row)]
            with m.Elif(last_x):
                m.d.sync += [y.eq(y + 1), offset.eq(offset_tap)]

            with m.If(load):
                m.d.sync += block.eq(new.ring.start)
            with m.Elif(plane_end):
                m.d.sync += block.eq(block + ring.block_stride)

        return m
