# SPDX-License-Identifier: Apache-2.0
"""From the processor's bus to AXI4-Lite."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.axi import AxiLiteSignature
from dpu_hw.cpu.access import make_accesses
from dpu_hw.cpu.bus import BusSignature

__all__ = ["RegisterPort"]


class RegisterPort(wiring.Component):
    """Make each access one of AXI4-Lite.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the addresses of the registers; upper bits of the processor's are left out.

    Members
    -------
    bus : :py:`In(BusSignature())`
        Accesses.
    control : :py:`Out(AxiLiteSignature(address_bits=address_bits))`
        The registers.
    error : :py:`Out(1)`
        A pulse: the access was refused.
    """

    def __init__(self, *, address_bits):
        super().__init__(
            {
                "bus": In(BusSignature()),
                "control": Out(AxiLiteSignature(address_bits=address_bits)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, control = self.bus, self.control
        m.d.comb += [
            control.awaddr.eq(bus.address),
            control.araddr.eq(bus.address),
            control.wdata.eq(bus.data),
            control.wstrb.eq(bus.strobe),
        ]
        m.d.comb += self.error.eq(make_accesses(m, bus, control, control.rdata))
        return m
