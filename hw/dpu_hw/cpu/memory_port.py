# SPDX-License-Identifier: Apache-2.0
"""From the processor's bus to AXI4."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.axi import BURST_INCREMENT, CACHE, Axi4Signature
from dpu_hw.cpu.access import make_accesses
from dpu_hw.cpu.bus import BusSignature
from dpu_spec.memory_map import MEMORY_BASE

__all__ = ["MemoryPort"]


class MemoryPort(wiring.Component):
    """Make each access a burst of one whole beat; bytes that aren't written have no strobe.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the AXI4 data buses in bytes.

    Members
    -------
    bus : :py:`In(BusSignature())`
        Accesses from MEMORY_BASE on.
    axi : :py:`Out(Axi4Signature(data_bytes=data_bytes))`
        The same, from address 0 on.
    error : :py:`Out(1)`
        A pulse: the access was refused.
    """

    def __init__(self, *, data_bytes):
        self._data_bytes = data_bytes
        super().__init__(
            {
                "bus": In(BusSignature()),
                "axi": Out(Axi4Signature(data_bytes=data_bytes)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, axi = self.bus, self.axi
        size = exact_log2(self._data_bytes)
        lanes = self._data_bytes // 4
        address = Signal(32)
        lane = Signal(range(lanes))
        m.d.comb += [
            address.eq(bus.address - MEMORY_BASE),
            lane.eq(bus.address[2:size]),
        ]
        for prefix in ("aw", "ar"):
            m.d.comb += [
                getattr(axi, prefix + "addr").eq(address & ~(self._data_bytes - 1)),
                getattr(axi, prefix + "size").eq(size),
                getattr(axi, prefix + "burst").eq(BURST_INCREMENT),
                getattr(axi, prefix + "cache").eq(CACHE),
            ]
        m.d.comb += [
            axi.wdata.eq(bus.data.replicate(lanes)),
            axi.wstrb.eq(bus.strobe << (lane << 2)),
            axi.wlast.eq(1),
        ]
        m.d.comb += self.error.eq(make_accesses(m, bus, axi, axi.rdata.word_select(lane, 32)))
        return m
