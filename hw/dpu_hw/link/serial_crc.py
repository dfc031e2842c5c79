# SPDX-License-Identifier: Apache-2.0
"""CRC-32, a bit in each cycle."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SerialCrc"]

#: The polynomial of zlib's CRC-32, the highest power at the lowest bit.
_POLYNOMIAL = 0xEDB88320


class SerialCrc(wiring.Component):
    """Compute the CRC-32 of bytes, as zlib does.

    A byte takes eight cycles: on a serial line they come more slowly.

    Members
    -------
    start : :py:`In(1)`
        Begin anew; not while it is busy.
    valid : :py:`In(1)`, data : :py:`In(8)`
        A byte; not while it is busy.
    busy : :py:`Out(1)`
        Bits of the last byte are still to come.
    crc : :py:`Out(32)`
        The CRC, while it isn't busy.
    """

    start: In(1)
    valid: In(1)
    data: In(8)
    busy: Out(1)
    crc: Out(32)

    def elaborate(self, platform):
        m = Module()
        crc = Signal(32, init=-1)
        rest = Signal(8)
        # Cycles to go, in unary.
        left = Signal(8)
        m.d.comb += [self.busy.eq(left[0]), self.crc.eq(~crc)]
        with m.If(self.valid):
            m.d.sync += [rest.eq(self.data), left.eq(-1)]
        with m.Else():
            m.d.sync += [rest.eq(rest >> 1), left.eq(left >> 1)]
        with m.If(self.start):
            m.d.sync += crc.eq(-1)
        with m.Elif(left[0]):
            m.d.sync += crc.eq((crc >> 1) ^ Mux(crc[0] ^ rest[0], _POLYNOMIAL, 0))
        return m
