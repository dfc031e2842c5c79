# SPDX-License-Identifier: Apache-2.0
"""Accesses on AXI4-Lite and on AXI4."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from dpu_hw.axi import ADDRESS_BITS, BURST_INCREMENT, CACHE, Axi4Signature, AxiLiteSignature
from dpu_hw.link.access import AccessSignature

__all__ = ["MemoryAccess", "RegisterAccess"]


class RegisterAccess(wiring.Component):
    """Carry out accesses on AXI4-Lite.

    An access whose master has let go of it is brought to its end before the next one begins.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the bus's addresses, which count bytes; upper ones are left out.

    Members
    -------
    access : :py:`In(AccessSignature())`
    bus : :py:`Out(AxiLiteSignature(address_bits=address_bits))`
        Its outputs come from registers.
    """

    def __init__(self, *, address_bits):
        super().__init__(
            {
                "access": In(AccessSignature()),
                "bus": Out(AxiLiteSignature(address_bits=address_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        access, bus = self.access, self.bus
        address = Signal.like(bus.araddr)
        wanted = Signal()
        m.d.comb += [
            bus.araddr.eq(address),
            bus.awaddr.eq(address),
            bus.wstrb.eq(0b1111),
            access.result.eq(bus.rdata),
        ]
        for valid, ready in (
            (bus.arvalid, bus.arready),
            (bus.awvalid, bus.awready),
            (bus.wvalid, bus.wready),
        ):
            with m.If(ready):
                m.d.sync += valid.eq(0)
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [address.eq(access.address << 2), bus.wdata.eq(access.data)]
                with m.If(access.valid):
                    m.d.sync += [
                        wanted.eq(1),
                        bus.arvalid.eq(~access.write),
                        bus.awvalid.eq(access.write),
                        bus.wvalid.eq(access.write),
                        bus.rready.eq(~access.write),
                        bus.bready.eq(access.write),
                    ]
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.sync += wanted.eq(wanted & access.valid)
                answered = (bus.rvalid & bus.rready) | (bus.bvalid & bus.bready)
                failed = Mux(bus.rready, bus.rresp[1], bus.bresp[1])
                m.d.comb += access.error.eq(failed)
                with m.If(answered):
                    m.d.comb += access.done.eq(wanted & access.valid)
                    m.d.sync += [bus.rready.eq(0), bus.bready.eq(0)]
                    m.next = "IDLE"
        return m


class MemoryAccess(wiring.Component):
    """Carry out accesses on AXI4: bursts of one beat of the bus's width, strobes for the word.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data bus in bytes, a power of two from 4 on.

    Members
    -------
    access : :py:`In(AccessSignature())`
    memory : :py:`Out(Axi4Signature(data_bytes=data_bytes))`
    """

    def __init__(self, *, data_bytes):
        self._data_bytes = data_bytes
        super().__init__(
            {
                "access": In(AccessSignature()),
                "memory": Out(Axi4Signature(data_bytes=data_bytes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        memory, size = self.memory, exact_log2(self._data_bytes)
        m.submodules.words = words = RegisterAccess(address_bits=ADDRESS_BITS)
        connect(m, flipped(self.access), words.access)
        bus = words.bus
        for prefix in ("ar", "aw"):
            address = getattr(bus, f"{prefix}addr")
            m.d.comb += [
                getattr(memory, f"{prefix}valid").eq(getattr(bus, f"{prefix}valid")),
                getattr(bus, f"{prefix}ready").eq(getattr(memory, f"{prefix}ready")),
                getattr(memory, f"{prefix}addr").eq(address[size:] << size),
                getattr(memory, f"{prefix}size").eq(size),
                getattr(memory, f"{prefix}burst").eq(BURST_INCREMENT),
                getattr(memory, f"{prefix}cache").eq(CACHE),
            ]
        # Both addresses stay until the answer.
        lane = bus.awaddr[2:size]
        m.d.comb += [
            memory.wvalid.eq(bus.wvalid),
            bus.wready.eq(memory.wready),
            memory.wdata.eq(bus.wdata.replicate(self._data_bytes // 4)),
            memory.wstrb.eq(0b1111 << (lane << 2)),
            memory.wlast.eq(1),
            bus.bvalid.eq(memory.bvalid),
            memory.bready.eq(bus.bready),
            bus.bresp.eq(memory.bresp),
            bus.rvalid.eq(memory.rvalid),
            memory.rready.eq(bus.rready),
            bus.rdata.eq(memory.rdata.word_select(lane, 32)),
            bus.rresp.eq(memory.rresp),
        ]
        return m
