# SPDX-License-Identifier: Apache-2.0
"""A small design with the ports of the DPU, to test the simulation with: an AXI4 copy engine.

Its faults can be switched on one by one.
"""

import enum

from amaranth.hdl import Assert, Cat, Format, Module, Mux, Signal
from amaranth.lib import fifo, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

IDENTITY = 0x434F5059
BURST = 16
BUFFER = 256


class Register(enum.IntEnum):
    IDENTITY = 0x00
    SOURCE = 0x04
    TARGET = 0x08
    BEATS = 0x0C
    START = 0x10
    STATUS = 0x14
    FAULTS = 0x18


class Fault(enum.IntFlag):
    CROSS_4K = 1
    LAST_EARLY = 2
    DATA_CHANGES = 4
    SIZE = 8
    ASSERTION = 16
    VALID_FALLS = 32
    SILENT = 64


def axi_signature(width: int) -> wiring.Signature:
    """Return an AXI4 bus without identifiers, seen from the master."""
    members = {}
    for name in ("aw", "ar"):
        members |= {f"{name}valid": Out(1), f"{name}ready": In(1), f"{name}addr": Out(32)}
        members |= {f"{name}len": Out(8), f"{name}size": Out(3), f"{name}burst": Out(2)}
        members |= {f"{name}cache": Out(4), f"{name}prot": Out(3)}
    members |= {"wvalid": Out(1), "wready": In(1), "wdata": Out(width), "wstrb": Out(width // 8)}
    members |= {"wlast": Out(1), "bvalid": In(1), "bready": Out(1), "bresp": In(2)}
    members |= {"rvalid": In(1), "rready": Out(1), "rdata": In(width), "rresp": In(2)}
    return wiring.Signature(members | {"rlast": In(1)})


def axi_lite_signature() -> wiring.Signature:
    """Return an AXI4-Lite bus, seen from the master."""
    members = {}
    for name in ("aw", "ar"):
        members |= {f"{name}valid": Out(1), f"{name}ready": In(1), f"{name}addr": Out(16)}
        members |= {f"{name}prot": Out(3)}
    members |= {"wvalid": Out(1), "wready": In(1), "wdata": Out(32), "wstrb": Out(4)}
    members |= {"bvalid": In(1), "bready": Out(1), "bresp": In(2)}
    members |= {"rvalid": In(1), "rready": Out(1), "rdata": In(32), "rresp": In(2)}
    return wiring.Signature(members)


class CopyEngine(wiring.Component):
    """Copy words from one address to another, several read bursts outstanding."""

    def __init__(self, *, width: int = 64) -> None:
        self._width = width
        trace = wiring.Signature({"start": Out(6), "finish": Out(6)})
        super().__init__(
            {
                "axi": Out(axi_signature(width)),
                "control": In(axi_lite_signature()),
                "interrupt": Out(1),
                "trace": Out(trace),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers = {name: Signal(32, name=f"r_{name.name.lower()}") for name in Register}
        start = Signal()
        self._registers(m, registers, start)
        faults = registers[Register.FAULTS]
        status = registers[Register.STATUS]

        m.submodules.words = words = fifo.SyncFIFOBuffered(width=self._width, depth=BUFFER)
        axi = self.axi
        busy = Signal()
        beat = exact_log2(self._width // 8)
        for prefix in ("aw", "ar"):
            m.d.comb += [
                getattr(axi, f"{prefix}size").eq(beat - faults[3]),
                getattr(axi, f"{prefix}burst").eq(1),
                getattr(axi, f"{prefix}cache").eq(0b0011),
            ]

        room = Signal(range(BUFFER + 1), init=BUFFER)
        read_left, read_length = self._requests(m, "ar", beat, faults)
        taken = Signal.like(read_length)
        with m.If((~axi.arvalid | axi.arready) & (read_left != 0) & (room >= read_length)):
            m.d.comb += taken.eq(read_length)
        m.d.sync += room.eq(room - taken + (axi.wvalid & axi.wready))
        self._advance(m, "ar", read_left, taken, beat)

        burst_left = Signal(9)
        outstanding = Signal(8)
        write_left, write_length = self._requests(m, "aw", beat, faults)
        given = Signal.like(write_length)
        with m.If(~axi.awvalid & (burst_left == 0) & (write_left != 0)):
            m.d.comb += given.eq(write_length)
            m.d.sync += burst_left.eq(write_length)
        self._advance(m, "aw", write_left, given, beat)

        clock = Signal(8)
        m.d.sync += clock.eq(clock + 1)
        m.d.comb += [
            axi.rready.eq(words.w_rdy),
            words.w_en.eq(axi.rvalid & axi.rready),
            words.w_data.eq(axi.rdata),
            axi.wvalid.eq((burst_left != 0) & words.r_rdy & ~(faults[5] & clock[0])),
            axi.wdata.eq(words.r_data ^ Mux(faults[2], clock, 0)),
            axi.wstrb.eq(-1),
            axi.wlast.eq(burst_left == Mux(faults[1], 2, 1)),
            words.r_en.eq(axi.wvalid & axi.wready),
            axi.bready.eq(1),
        ]
        with m.If(words.r_en):
            m.d.sync += burst_left.eq(burst_left - 1)
        m.d.sync += outstanding.eq(outstanding + (given != 0) - (axi.bvalid & axi.bready))
        with m.If(axi.rvalid & axi.rready):
            m.d.sync += status[1:3].eq(status[1:3] | axi.rresp)
        with m.If(axi.bvalid & axi.bready):
            m.d.sync += status[3:5].eq(status[3:5] | axi.bresp)

        done = Signal()
        idle = (write_left == 0) & (burst_left == 0) & (outstanding == 0) & ~axi.awvalid
        m.d.comb += [
            done.eq(busy & idle),
            self.interrupt.eq(status[0] & ~faults[6]),
            self.trace.start.eq(Cat(start, 0, 0, 0, 0, start)),
            self.trace.finish.eq(Cat(0, 0, 0, 0, 0, done)),
        ]
        with m.If(start):
            m.d.sync += [busy.eq(1), status.eq(0)]
        with m.Elif(done):
            m.d.sync += [busy.eq(0), status[0].eq(1)]
        with m.If(start):
            m.d.sync += [
                read_left.eq(registers[Register.BEATS]),
                write_left.eq(registers[Register.BEATS]),
                axi.araddr.eq(registers[Register.SOURCE]),
                axi.awaddr.eq(registers[Register.TARGET]),
                self._next["ar"].eq(registers[Register.SOURCE]),
                self._next["aw"].eq(registers[Register.TARGET]),
            ]
        m.d.sync += Assert(~(faults[4] & start), Format("the planted assertion"))
        return m

    def _requests(self, m: Module, prefix: str, beat: int, faults: Signal) -> tuple[Signal, Signal]:
        """Return what is left to request, and the length of the next burst."""
        self._next = getattr(self, "_next", {})
        self._next[prefix] = address = Signal(32, name=f"{prefix}_next")
        left = Signal(32, name=f"{prefix}_left")
        length = Signal(range(BURST + 1), name=f"{prefix}_length")
        to_boundary = Signal(13, name=f"{prefix}_to_boundary")
        within = Signal(13, name=f"{prefix}_within")
        m.d.comb += [
            to_boundary.eq(Mux(faults[0], BURST, (4096 >> beat) - address[beat:12])),
            within.eq(Mux(to_boundary < BURST, to_boundary, BURST)),
            length.eq(Mux(left < within, left, within)),
        ]
        return left, length

    def _advance(self, m: Module, prefix: str, left: Signal, length: Signal, beat: int) -> None:
        """Send a request of `length` beats, unless that is 0."""
        bus, address = self.axi, self._next[prefix]
        with m.If(getattr(bus, f"{prefix}ready")):
            m.d.sync += getattr(bus, f"{prefix}valid").eq(0)
        with m.If(length != 0):
            m.d.sync += [
                getattr(bus, f"{prefix}valid").eq(1),
                getattr(bus, f"{prefix}addr").eq(address),
                getattr(bus, f"{prefix}len").eq(length - 1),
                address.eq(address + (length << beat)),
                left.eq(left - length),
            ]

    def _registers(self, m: Module, registers: dict[Register, Signal], start: Signal) -> None:
        bus = self.control
        m.d.comb += registers[Register.IDENTITY].eq(IDENTITY)
        both = Signal()
        m.d.comb += [
            both.eq(bus.awvalid & bus.wvalid & ~bus.bvalid & ~registers[Register.FAULTS][6]),
            bus.awready.eq(both),
            bus.wready.eq(both),
            bus.arready.eq(~bus.rvalid),
            start.eq(both & (bus.awaddr == Register.START)),
        ]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(both):
            known = (Register.SOURCE, Register.TARGET, Register.BEATS, Register.FAULTS)
            m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(Mux(bus.awaddr == Register.START, 0, 2))]
            with m.Switch(bus.awaddr):
                for name in known:
                    with m.Case(name):
                        m.d.sync += [registers[name].eq(bus.wdata), bus.bresp.eq(0)]
        with m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [bus.rvalid.eq(1), bus.rresp.eq(2), bus.rdata.eq(0)]
            with m.Switch(bus.araddr):
                for name in Register:
                    with m.Case(name):
                        m.d.sync += [bus.rdata.eq(registers[name]), bus.rresp.eq(0)]
