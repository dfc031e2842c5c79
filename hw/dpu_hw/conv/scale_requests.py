# SPDX-License-Identifier: Apache-2.0
"""Asks for the scales of a DRAIN's blocks."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.layouts import instruction_layout
from dpu_hw.requantize.scale_loader import SCALE_WORDS
from dpu_spec.isa import DRAIN

__all__ = ["ScaleRequests"]


class ScaleRequests(wiring.Component):
    """Turn each DRAIN into a request for each of its blocks.

    Parameters
    ----------
    address_bits : :class:`int`
        Bits of a word address in the parameter buffer.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_layout(DRAIN)))`
        Instructions, each taken with its last request.
    o : :py:`Out(stream.Signature(address_bits))`
        First word of each block's scales.
    """

    def __init__(self, *, address_bits):
        self._address_bits = address_bits
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(DRAIN))),
                "o": Out(stream.Signature(address_bits)),
            }
        )

    @property
    def address_bits(self):
        """Bits of a word address."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()
        i = self.i.payload
        block = Signal.like(i.blocks)
        offset = Signal(range(SCALE_WORDS << i.blocks.shape().width))
        last = Signal()
        m.d.comb += [
            last.eq(block == i.blocks - 1),
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(i.parameters + offset),
            self.i.ready.eq(self.o.ready & last),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [block.eq(block + 1), offset.eq(offset + SCALE_WORDS)]
            with m.If(last):
                m.d.sync += [block.eq(0), offset.eq(0)]
        return m
