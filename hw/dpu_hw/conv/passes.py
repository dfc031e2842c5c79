# SPDX-License-Identifier: Apache-2.0
"""Splits a CONV into passes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import COORDINATE, PASS
from dpu_hw.conv.product import Product
from dpu_hw.conv.ring import ring_step
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_hw.turn_counter import TurnCounter
from dpu_spec.isa import CONV

__all__ = ["PassGenerator"]


class PassGenerator(wiring.Component):
    """Run through the input blocks and kernel positions of a CONV.

    The first pass is there :attr:`latency` cycles after the instruction, the others one a cycle.

    Parameters
    ----------
    lanes : :class:`int`
        Rows of a tile of weights.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_layout(CONV)))`
        The instruction, taken with its last pass.
    o : :py:`Out(stream.Signature(PASS))`
        Its passes.
    """

    #: Cycles from an instruction to its first pass.
    latency = 5

    def __init__(self, *, lanes):
        self._lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(CONV))),
                "o": Out(stream.Signature(PASS)),
            }
        )

    @property
    def lanes(self):
        """Rows of a tile of weights."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        i = self.i.payload
        start = Signal()

        # Words between output rows and between taps.
        m.submodules.row_step = row_step = Product(
            width=ADDRESS_BITS, value_bits=ADDRESS_BITS, factor_bits=4
        )
        m.submodules.tap_step = tap_step = Product(
            width=ADDRESS_BITS, value_bits=ADDRESS_BITS, factor_bits=6
        )
        m.d.comb += [
            row_step.start.eq(start),
            row_step.value.eq(i.row_stride),
            row_step.factor.eq(i.stride_y),
            tap_step.start.eq(start),
            tap_step.value.eq(i.row_stride),
            tap_step.factor.eq(i.dilation_y),
        ]
        tap_step_wrapped = Signal(signed(ADDRESS_BITS + 1), reset_less=True)
        m.d.sync += tap_step_wrapped.eq(tap_step.product - i.ring_words)

        # Position in the loops.
        load = Signal()
        go = Signal()
        m.submodules.block = block = TurnCounter(width=len(i.blocks))
        m.submodules.tap_y = tap_y = TurnCounter(width=len(i.kernel_h))
        m.submodules.tap_x = tap_x = TurnCounter(width=len(i.kernel_w))
        last_block, last_y, last_x = block.last, tap_y.last, tap_x.last
        for loop, turns in ((block, i.blocks), (tap_y, i.kernel_h), (tap_x, i.kernel_w)):
            m.d.comb += [loop.load.eq(load), loop.count.eq(turns)]
        m.d.comb += [
            go.eq(self.o.valid & self.o.ready),
            tap_x.step.eq(go),
            tap_y.step.eq(go & last_x),
            block.step.eq(go & last_x & last_y),
        ]

        x = Signal(COORDINATE, reset_less=True)
        y = Signal(COORDINATE, reset_less=True)
        row = Signal(ADDRESS_BITS, reset_less=True)
        row_0 = Signal(ADDRESS_BITS, reset_less=True)
        base = Signal(ADDRESS_BITS, reset_less=True)
        weights = Signal(16, reset_less=True)
        clear = Signal()
        o = self.o.payload
        for name in ("rows", "columns", "ring_words", "stride_x", "stride_y", "height", "width"):
            m.d.comb += o[name].eq(i[name])
        m.d.comb += [
            o.zero_point.eq(i.zero_point),
            o.accumulator.eq(i.accumulator),
            o.row_step.eq(row_step.product),
            o.x.eq(x),
            o.y.eq(y),
            o.row.eq(row),
            o.base.eq(base),
            o.weights.eq(weights),
            o.clear.eq(clear),
            o.last.eq(last_block & last_y & last_x),
            self.i.ready.eq(self.o.valid & self.o.ready & o.last),
        ]

        count = Signal(range(self.latency))
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [start.eq(self.i.valid), load.eq(1)]
                m.d.sync += [
                    x.eq(i.x0),
                    y.eq(i.y0),
                    row.eq(i.address - i.ring_start),
                    row_0.eq(i.address - i.ring_start),
                    base.eq(i.ring_start),
                    weights.eq(i.weights),
                    clear.eq(i.clear),
                    count.eq(self.latency - 2),
                ]
                with m.If(self.i.valid):
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.sync += count.eq(count - 1)
                with m.If(count == 0):
                    m.next = "PASSES"
            with m.State("PASSES"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += [
                        weights.eq(weights + self._lanes),
                        clear.eq(0),
                        x.eq(x + i.dilation_x),
                    ]
                    with m.If(last_x):
                        m.d.sync += [
                            x.eq(i.x0),
                            y.eq(y + i.dilation_y),
                            row.eq(ring_step(m, "tap", row, tap_step.product, tap_step_wrapped)),
                        ]
                        with m.If(last_y):
                            m.d.sync += [
                                y.eq(i.y0),
                                row.eq(row_0),
                                base.eq(base + i.block_stride),
                            ]
                    with m.If(o.last):
                        m.next = "IDLE"
        return m
