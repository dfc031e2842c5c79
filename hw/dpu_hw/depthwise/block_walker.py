# SPDX-License-Identifier: Apache-2.0
"""Where the parameters of each block begin."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import PARAMETER_BITS, TAPS, blocks_layout

__all__ = ["BlockWalker"]


class BlockWalker(wiring.Component):
    """List the addresses of a part of each block's parameters.

    A block has nine words of weights, followed by nine of scales where the instruction is a
    kernel's last.

    Parameters
    ----------
    offset : :class:`int`
        Words from a block's first word to the part.
    address_bits : :class:`int`
        Bits that tell the words of the buffer apart.

    Members
    -------
    i : :py:`In(stream.Signature(blocks_layout(address_bits)))`
        Instructions.
    o : :py:`Out(stream.Signature(address_bits))`
        An address for each block.
    """

    def __init__(self, *, offset, address_bits=PARAMETER_BITS):
        self._offset = offset
        self._address_bits = address_bits
        super().__init__(
            {
                "i": In(stream.Signature(blocks_layout(address_bits))),
                "o": Out(stream.Signature(address_bits)),
            }
        )

    @property
    def offset(self):
        """Words from a block's first word to the part."""
        return self._offset

    @property
    def address_bits(self):
        """Bits that tell the words of the buffer apart."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()
        left = Signal.like(self.i.p.blocks)
        step = Signal(range(2 * TAPS + 1))
        # There is time between instructions, since a block's parameters take ten cycles to load.
        m.d.comb += self.i.ready.eq(~self.o.valid)
        with m.If(self.o.ready & self.o.valid):
            m.d.sync += [self.o.payload.eq(self.o.payload + step), left.eq(left - 1)]
            with m.If(left == 1):
                m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.eq(self.i.p.parameters + self._offset),
                step.eq(Mux(self.i.p.last, 2 * TAPS, TAPS)),
                left.eq(self.i.p.blocks),
            ]
        return m
