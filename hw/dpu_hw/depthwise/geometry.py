# SPDX-License-Identifier: Apache-2.0
"""Preparation of an instruction's addresses."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import geometry_layout
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.isa import DEPTHWISE

__all__ = ["Geometry"]


class Geometry(wiring.Component):
    """Compute what stays the same throughout an instruction, while the one before is fetched.

    Products are made by shifting and adding, a bit a cycle, so the latency is 5 cycles with stride
    and dilation 1 and 10 at most.

    Parameters
    ----------
    address_bits : :class:`int`
        Bits that tell the words of the scratchpad apart.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_layout(DEPTHWISE)))`
        Instructions. The first row's address lies in its ring.
    o : :py:`Out(stream.Signature(geometry_layout(address_bits)))`
        Their geometry.
    """

    def __init__(self, *, address_bits=ADDRESS_BITS):
        self._address_bits = address_bits
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(DEPTHWISE))),
                "o": Out(stream.Signature(geometry_layout(address_bits))),
            }
        )

    @property
    def address_bits(self):
        """Bits that tell the words of the scratchpad apart."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()
        i, o = self.i.p, self.o.p
        bits = self._address_bits

        multiple = Signal(bits)  # row_stride x 2**k
        stride = Signal.like(i.stride_y)
        dilation = Signal.like(i.dilation_y)
        tap_offset = Signal(bits)  # words from a row of the window to the next
        tap_limit = Signal(bits + 1)
        ring_end = Signal(bits + 1)
        ring_words = Signal(bits)

        idle = Signal(init=1)  # the state of that name, as a register
        m.d.comb += self.i.ready.eq(idle)

        def below(base):
            """Return the ring address ``tap_offset`` after another."""
            return base + tap_offset - Mux(base >= tap_limit, ring_words, 0)

        with m.FSM():
            with m.State("IDLE"):
                # A pixel beside another shares columns with it; at larger distances it's simpler to
                # fetch all three.
                slides = (i.dilation_x == 1) & ((i.stride_x == 1) | (i.stride_x == 2))
                m.d.sync += [
                    o.base[0].eq(i.address),
                    o.y[0].eq(i.y0),
                    o.row_step.eq(0),
                    o.tap_step.eq(i.dilation_x),
                    o.pixel_step.eq(Mux(slides, 1, i.stride_x - (i.dilation_x << 1))),
                    o.new_columns.eq(Mux(slides, i.stride_x, 3)),
                    multiple.eq(i.row_stride),
                    stride.eq(i.stride_y),
                    dilation.eq(i.dilation_y),
                    tap_offset.eq(0),
                    ring_end.eq(i.ring_start + i.ring_words),
                    ring_words.eq(i.ring_words),
                    *(
                        o[name].eq(i[name])
                        for name in (
                            "block_stride",
                            "rows",
                            "columns",
                            "blocks",
                            "stride_y",
                            "x0",
                            "height",
                            "width",
                        )
                    ),
                ]
                with m.If(self.i.valid):
                    m.d.sync += [o.y[1].eq(i.y0 + i.dilation_y), idle.eq(0)]
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                with m.If(stride[0]):
                    m.d.sync += o.row_step.eq(o.row_step + multiple)
                with m.If(dilation[0]):
                    m.d.sync += tap_offset.eq(tap_offset + multiple)
                m.d.sync += [
                    multiple.eq(multiple << 1),
                    stride.eq(stride >> 1),
                    dilation.eq(dilation >> 1),
                ]
                with m.If(~(stride[1:].any() | dilation[1:].any())):
                    m.next = "LIMITS"
            with m.State("LIMITS"):
                m.d.sync += [
                    o.row_limit.eq(ring_end - o.row_step),
                    o.row_step_wrapped.eq(o.row_step - ring_words),
                    tap_limit.eq(ring_end - tap_offset),
                    o.y[2].eq((o.y[1] << 1) - o.y[0]),
                ]
                m.next = "SECOND"
            with m.State("SECOND"):
                m.d.sync += o.base[1].eq(below(o.base[0]))
                m.next = "THIRD"
            with m.State("THIRD"):
                m.d.sync += o.base[2].eq(below(o.base[1]))
                m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += idle.eq(1)
                    m.next = "IDLE"
        return m
