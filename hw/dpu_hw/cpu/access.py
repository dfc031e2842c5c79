# SPDX-License-Identifier: Apache-2.0
"""The handshakes of one access, which AXI4 and AXI4-Lite have in common."""

from amaranth import *

__all__ = ["make_accesses"]


def make_accesses(m, bus, axi, result):
    """Let a bus make its accesses, one at a time, on AXI4 (bursts of one beat) or AXI4-Lite.

    Addresses and data are wired by the caller: they stay as long as the bus's do. A write is done
    when its response came, so that whoever is told of it afterwards finds it.

    Parameters
    ----------
    m : :class:`Module`
        Where to add the logic.
    bus : :py:`BusSignature().flip()`
        Asks for accesses.
    axi : :py:`Axi4Signature` or :py:`AxiLiteSignature`
        Makes them.
    result : :class:`Value`
        What of the data that were read is the bus's.

    Returns
    -------
    :class:`Signal`
        A pulse: the access was refused.
    """
    error = Signal()
    # What is left to be accepted.
    request, data = Signal(), Signal()
    with m.FSM():
        with m.State("idle"):
            with m.If(bus.valid):
                m.d.sync += [request.eq(1), data.eq(1)]
                with m.If(bus.strobe.any()):
                    m.next = "write"
                with m.Else():
                    m.next = "read"
        with m.State("write"):
            m.d.comb += [axi.awvalid.eq(request), axi.wvalid.eq(data), axi.bready.eq(1)]
            with m.If(axi.awready):
                m.d.sync += request.eq(0)
            with m.If(axi.wready):
                m.d.sync += data.eq(0)
            with m.If(axi.bvalid):
                m.d.comb += error.eq(axi.bresp[1])
                m.next = "done"
        with m.State("read"):
            m.d.comb += [axi.arvalid.eq(request), axi.rready.eq(1)]
            with m.If(axi.arready):
                m.d.sync += request.eq(0)
            with m.If(axi.rvalid):
                m.d.comb += error.eq(axi.rresp[1])
                m.d.sync += bus.result.eq(result)
                m.next = "done"
        with m.State("done"):
            m.d.comb += bus.ready.eq(1)
            m.next = "idle"
    return error
