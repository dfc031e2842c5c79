# SPDX-License-Identifier: Apache-2.0
"""Reader of scales from a parameter buffer."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.requantize.block_loader import BlockLoader
from dpu_hw.requantize.layouts import scale_layout

__all__ = ["ScaleLoader"]

#: Words of a block's scales: bias 4, multiplier 4, shift 1.
SCALE_WORDS = 9


class ScaleLoader(wiring.Component):
    """Read the scales of a block of channels, the next block's while the present one's are used.

    The memory's port is in use for nine cycles, from that of the request's transfer on. Scales are
    ready 11 cycles after the request; blocks follow each other every 10 cycles.

    Parameters
    ----------
    lanes : :class:`int`
        Channels of a block, a multiple of four.
    address_bits : :class:`int`
        Bits of a word address.

    Members
    -------
    request : :py:`In(stream.Signature(address_bits))`
        First of the nine words of a block: biases (four words of lanes / 4 int32, little endian, in
        the order of lanes), multipliers (four words), shifts (a word of int8).
    address : :py:`Out(address_bits)`
        To the memory.
    data : :py:`In(8 * lanes)`
        From the memory, a cycle after the address.
    reading, next_odd : :py:`Out(1)`
        See :class:`BlockLoader`.
    scale : :py:`Out(stream.Signature(scale_layout(lanes)))`
        The present block. Its transfer makes room for the next.
    """

    def __init__(self, *, lanes, address_bits):
        if not isinstance(lanes, int) or lanes <= 0 or lanes % 4:
            raise ValueError(f"Lane count must be a multiple of four, not {lanes!r}")
        self._lanes = lanes
        self._address_bits = address_bits
        super().__init__(
            {
                "request": In(stream.Signature(address_bits)),
                "address": Out(address_bits),
                "data": In(8 * lanes),
                "reading": Out(1),
                "next_odd": Out(1),
                "scale": Out(stream.Signature(scale_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Channels of a block."""
        return self._lanes

    @property
    def address_bits(self):
        """Bits of a word address."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = loader = BlockLoader(
            words=SCALE_WORDS, word_bits=8 * self._lanes, address_bits=self._address_bits
        )
        connect(m, flipped(self.request), loader.request)
        m.d.comb += [
            self.address.eq(loader.address),
            loader.data.eq(self.data),
            self.reading.eq(loader.reading),
            self.next_odd.eq(loader.next_odd),
            self.scale.valid.eq(loader.o.valid),
            loader.o.ready.eq(self.scale.ready),
        ]
        bits = loader.o.payload.as_value()
        multipliers, shifts = 32 * self._lanes, 64 * self._lanes
        for lane in range(self._lanes):
            m.d.comb += [
                self.scale.p.bias[lane].eq(bits[32 * lane :][:32]),
                self.scale.p.multiplier[lane].eq(bits[multipliers + 32 * lane :][:31]),
                self.scale.p.shift[lane].eq(bits[shifts + 8 * lane :][:6]),
            ]
        return m
