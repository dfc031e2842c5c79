# SPDX-License-Identifier: Apache-2.0
"""The memory that holds the firmware."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In

from dpu_hw.cpu.bus import BusSignature

__all__ = ["OnChipMemory", "words"]


def words(firmware):
    """Return bytes as little-endian words."""
    padded = firmware + bytes(-len(firmware) % 4)
    return [int.from_bytes(padded[i : i + 4], "little") for i in range(0, len(padded), 4)]


class OnChipMemory(wiring.Component):
    """Block RAM on the processor's bus; the upper bits of addresses are ignored.

    Parameters
    ----------
    size : :class:`int`
        Bytes, a multiple of 4.
    firmware : :class:`bytes`
        What it holds from its beginning on when the FPGA is configured; the rest is zero.

    Members
    -------
    bus : :py:`In(BusSignature())`
        Accesses; each takes two cycles.
    """

    def __init__(self, *, size, firmware):
        if not isinstance(size, int) or size <= 0 or size % 4:
            raise ValueError(f"The memory's size must be a positive multiple of 4, not {size!r}")
        if len(firmware) > size:
            raise ValueError(
                f"The firmware has {len(firmware)} bytes, but the on-chip memory only {size}"
            )
        self._size = size
        self._firmware = firmware
        super().__init__({"bus": In(BusSignature())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = mem = memory.Memory(
            shape=unsigned(32), depth=self._size // 4, init=words(self._firmware)
        )
        write = mem.write_port(granularity=8)
        # A write gives no result: what is read beside it doesn't matter.
        read = mem.read_port()
        bus = self.bus
        done = Signal()
        m.d.sync += done.eq(bus.valid & ~done)
        m.d.comb += [
            read.addr.eq(bus.address[2:]),
            read.en.eq(bus.valid & ~done),
            write.addr.eq(bus.address[2:]),
            write.data.eq(bus.data),
            write.en.eq(Mux(bus.valid & ~done, bus.strobe, 0)),
            bus.ready.eq(done),
            bus.result.eq(read.data),
        ]
        return m
