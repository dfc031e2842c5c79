# SPDX-License-Identifier: Apache-2.0
"""Addresses of a window of words for each output pixel."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import ADDRESS_BITS
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

        window = Signal(WINDOW)
        ring = window.ring
        active = Signal()

        # Loops, as what is left of each, this iteration included.
        kernel_x = Signal.like(window.kernel_w)
        kernel_y = Signal.like(window.kernel_h)
        repeat_x = Signal.like(window.repeat_x)
        columns = Signal.like(window.extent.columns)
        repeat_y = Signal.like(window.repeat_y)
        rows = Signal.like(window.extent.rows)
        blocks = Signal.like(window.extent.blocks)

        # Where this tap reads, and where the first taps of this pixel and of this row do.
        x = Signal(COORDINATE)
        x_pixel = Signal(COORDINATE)
        y = Signal(COORDINATE)
        y_row = Signal(COORDINATE)
        offset = Signal(ADDRESS_BITS)
        offset_row = Signal(ADDRESS_BITS)
        block = Signal(ADDRESS_BITS)
        first = Signal()

        last_x = kernel_x == 1
        last_tap = last_x & (kernel_y == 1)
        last_column = columns == 1
        last_row = rows == 1
        end = Signal()
        step = Signal()
        m.d.comb += [
            end.eq(last_tap & last_column & last_row & (blocks == 1)),
            step.eq(active & (~self.o.valid | self.o.ready)),
            self.i.ready.eq(~active | (step & end)),
        ]

        tap = self.o.payload
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(step):
            m.d.sync += [
                self.o.valid.eq(1),
                tap.address.eq(block + offset + x),
                # A negative coordinate is a large one without its sign.
                tap.inside.eq((y.as_unsigned() < window.height) & (x.as_unsigned() < window.width)),
                tap.tag.first.eq(first),
                tap.tag.last.eq(last_tap),
                tap.tag.end.eq(end),
            ]

        # The loops, innermost first; later assignments override.
        with m.If(step):
            m.d.sync += [first.eq(0), kernel_x.eq(kernel_x - 1), x.eq(x + 1)]
            with m.If(last_x):
                m.d.sync += [
                    kernel_x.eq(window.kernel_w),
                    x.eq(x_pixel),
                    kernel_y.eq(kernel_y - 1),
                    y.eq(y + 1),
                    offset.eq(ring_step(m, "tap", offset, ring.row_stride, ring.row_wrap)),
                ]
            with m.If(last_tap):
                x_next = Signal(COORDINATE)
                m.d.comb += x_next.eq(x_pixel + Mux(repeat_x == 1, window.stride_x, 0))
                m.d.sync += [
                    first.eq(1),
                    kernel_y.eq(window.kernel_h),
                    repeat_x.eq(Mux(repeat_x == 1, window.repeat_x, repeat_x - 1)),
                    columns.eq(columns - 1),
                    x.eq(x_next),
                    x_pixel.eq(x_next),
                    y.eq(y_row),
                    offset.eq(offset_row),
                ]
            with m.If(last_tap & last_column):
                m.d.sync += [
                    repeat_x.eq(window.repeat_x),
                    columns.eq(window.extent.columns),
                    x.eq(window.x0),
                    x_pixel.eq(window.x0),
                    repeat_y.eq(repeat_y - 1),
                    rows.eq(rows - 1),
                ]
                with m.If(repeat_y == 1):
                    y_next = Signal(COORDINATE)
                    offset_next = Signal(ADDRESS_BITS)
                    m.d.comb += [
                        y_next.eq(y_row + window.stride_y),
                        offset_next.eq(
                            ring_step(m, "row", offset_row, window.step, window.step_wrap)
                        ),
                    ]
                    m.d.sync += [
                        repeat_y.eq(window.repeat_y),
                        y.eq(y_next),
                        y_row.eq(y_next),
                        offset.eq(offset_next),
                        offset_row.eq(offset_next),
                    ]
            with m.If(last_tap & last_column & last_row):
                m.d.sync += [
                    repeat_y.eq(window.repeat_y),
                    rows.eq(window.extent.rows),
                    y.eq(window.y0),
                    y_row.eq(window.y0),
                    offset.eq(ring.offset),
                    offset_row.eq(ring.offset),
                    blocks.eq(blocks - 1),
                    block.eq(block + ring.block_stride),
                ]

        with m.If(self.i.ready):
            m.d.sync += active.eq(self.i.valid)
            with m.If(self.i.valid):
                new = self.i.payload
                m.d.sync += [
                    window.eq(new),
                    first.eq(1),
                    kernel_x.eq(new.kernel_w),
                    kernel_y.eq(new.kernel_h),
                    repeat_x.eq(new.repeat_x),
                    columns.eq(new.extent.columns),
                    repeat_y.eq(new.repeat_y),
                    rows.eq(new.extent.rows),
                    blocks.eq(new.extent.blocks),
                    x.eq(new.x0),
                    x_pixel.eq(new.x0),
                    y.eq(new.y0),
                    y_row.eq(new.y0),
                    offset.eq(new.ring.offset),
                    offset_row.eq(new.ring.offset),
                    block.eq(new.ring.start),
                ]

        return m
