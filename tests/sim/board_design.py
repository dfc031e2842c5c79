# SPDX-License-Identifier: Apache-2.0
"""A small board's design: an echo on the serial line, and an SDRAM in which it copies."""

import dataclasses
from functools import cache

from amaranth import *
from amaranth.back import verilog
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, flipped

from dpu_hw.sdram import IS42S16160, Sdram, SdramSignature

CLOCK = 50e6
CHIP = dataclasses.replace(IS42S16160, power_up=4e3)
WIDTH = 8
BEATS, BURSTS = 16, 64
SIZE = BEATS * BURSTS * WIDTH
TARGET = 1 << 20


class Copier(wiring.Component):
    """As soon as the SDRAM is started, invert a range of it into another one, once."""

    def __init__(self, *, round_trip):
        self._round_trip = round_trip
        serial = wiring.Signature({"rx": In(1), "tx": Out(1, init=1)})
        super().__init__({"uart": Out(serial), "sdram": Out(SdramSignature(CHIP))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Sdram(
            chip=CHIP, clock_hertz=CLOCK, data_bytes=WIDTH, round_trip=self._round_trip
        )
        wiring.connect(m, memory.pins, flipped(self.sdram))
        m.d.sync += self.uart.tx.eq(self.uart.rx)
        axi = memory.axi
        for prefix, base in (("ar", 0), ("aw", TARGET)):
            count = Signal(range(BURSTS + 1), name=f"{prefix}_count")
            valid = getattr(axi, f"{prefix}valid")
            m.d.comb += [
                valid.eq(memory.ready & (count != BURSTS)),
                getattr(axi, f"{prefix}addr").eq(base + count * (BEATS * WIDTH)),
                getattr(axi, f"{prefix}len").eq(BEATS - 1),
                getattr(axi, f"{prefix}size").eq((WIDTH - 1).bit_length()),
                getattr(axi, f"{prefix}burst").eq(1),
            ]
            with m.If(valid & getattr(axi, f"{prefix}ready")):
                m.d.sync += count.eq(count + 1)
        # Requests to write come long before their data, which waits for reads.
        m.d.comb += [
            axi.wvalid.eq(axi.rvalid),
            axi.rready.eq(axi.wready),
            axi.wdata.eq(~axi.rdata),
            axi.wstrb.eq(~0),
            axi.wlast.eq(axi.rlast),
            axi.bready.eq(1),
        ]
        return m


@cache
def board_verilog(round_trip: int = 0) -> str:
    """Return the design as the simulator wants it."""
    return verilog.convert(Copier(round_trip=round_trip), name="soc", emit_src=False)
