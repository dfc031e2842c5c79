# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Lite slave."""

from functools import reduce
from operator import or_

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from dpu_hw.axi import AxiLiteSignature
from dpu_hw.control.counters import Counters
from dpu_hw.control.layouts import ENGINE_BITS, ENGINES, stream_layout
from dpu_hw.dma.layouts import window_layout
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.registers import (
    ADDRESS_BITS,
    BY_NAME,
    COUNTERS,
    REGISTERS,
    ROM_ADDRESS,
    Access,
    identity,
    rom,
)

__all__ = ["BUS_ADDRESS_BITS", "Registers"]

#: Bits of the bus's addresses; the upper ones are ignored.
BUS_ADDRESS_BITS = 16


class Registers(wiring.Component):
    """Let the host see and set :data:`dpu_spec.registers.REGISTERS`.

    Accesses are made one at a time; that of a counter may take some 35 cycles.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        What the ROM holds.

    Members
    -------
    control : :py:`In(AxiLiteSignature(address_bits=16))`
        The bus.
    start, abort, clear_interrupt : :py:`Out(1)`
        Pulses: the host has written a one there.
    interrupt_enable : :py:`Out(1)`
        The host wants interrupts.
    status : :py:`In(32)`
        Value of STATUS.
    windows : :py:`Out(window_layout()).array(WINDOWS)`
        The DRAM windows.
    select : :py:`In(ENGINE_BITS)`, stream : :py:`Out(stream_layout())`
        The stream of an engine, in the same cycle.
    clear : :py:`In(1)`
        Set the counters to zero.
    running, read_transfer, write_transfer : :py:`In(1)`
        Count a cycle of a run, a beat read, a beat written.
    busy, wait_token, wait_bank, wait_memory : :py:`In(ENGINES)`
        Count a cycle for each engine.
    """

    def __init__(self, *, configuration):
        self._configuration = configuration
        super().__init__(
            {
                "control": In(AxiLiteSignature(address_bits=BUS_ADDRESS_BITS)),
                "start": Out(1),
                "abort": Out(1),
                "clear_interrupt": Out(1),
                "interrupt_enable": Out(1),
                "status": In(32),
                "windows": Out(window_layout()).array(len(WINDOW_NAMES)),
                "select": In(ENGINE_BITS),
                "stream": Out(stream_layout()),
                "clear": In(1),
                "running": In(1),
                "read_transfer": In(1),
                "write_transfer": In(1),
                **{name: In(ENGINES) for name, _ in COUNTERS},
            }
        )

    @property
    def configuration(self):
        """What the ROM holds."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        bus = self.control
        names = ["CYCLES", "READ_BYTES", "WRITE_BYTES"]
        events = [self.running, self.read_transfer, self.write_transfer]
        for engine in Engine:
            for counter, _ in COUNTERS:
                names.append(f"{engine.name}_{counter.upper()}")
                events.append(getattr(self, counter)[engine])
        beat = self._configuration.axi_bytes
        m.submodules.counters = counters = Counters(
            steps=[beat if name.endswith("_BYTES") else 1 for name in names]
        )
        words = rom(self._configuration)
        m.submodules.rom = constants = memory.Memory(
            shape=32, depth=1 << ceil_log2(len(words)), init=words
        )
        constant = constants.read_port()
        m.d.comb += [counters.events.eq(Cat(events)), counters.clear.eq(self.clear)]

        # Registers that the host writes. Only bits that mean something are kept.
        stored = {}
        for register in REGISTERS:
            if register.access is Access.WRITE:
                width = 1 if register.name == "INTERRUPT_ENABLE" else 32
                stored[register.name] = Signal(width, name=register.name.lower())
        m.d.comb += self.interrupt_enable.eq(stored["INTERRUPT_ENABLE"])
        for own, name in zip(self.windows, WINDOW_NAMES, strict=True):
            m.d.comb += [
                own.base.eq(stored[f"{name.upper()}_BASE"]),
                own.size.eq(stored[f"{name.upper()}_SIZE"]),
            ]
        with m.Switch(self.select):
            for engine in Engine:
                with m.Case(engine):
                    m.d.comb += [
                        self.stream.offset.eq(stored[f"{engine.name}_STREAM"]),
                        self.stream.count.eq(stored[f"{engine.name}_COUNT"]),
                    ]

        # Writing: address and data are taken together, in a cycle of their own.
        word = bus.awaddr[2:ADDRESS_BITS]
        write = Signal()
        m.d.comb += [bus.awready.eq(write), bus.wready.eq(write)]
        m.d.sync += write.eq(bus.awvalid & bus.wvalid & ~write & (~bus.bvalid | bus.bready))
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(write):
            m.d.sync += bus.bvalid.eq(1)
            with m.Switch(word):
                for name, register in stored.items():
                    with m.Case(BY_NAME[name].address >> 2):
                        # Each byte has its enable, which needs no logic for its data.
                        for byte in range(-(-len(register) // 8)):
                            part = slice(8 * byte, min(8 * byte + 8, len(register)))
                            with m.If(bus.wstrb[byte]):
                                m.d.sync += register[part].eq(bus.wdata[part])
                control = BY_NAME["CONTROL"]
                with m.Case(control.address >> 2):
                    for bits in control.bits:
                        assert bits.offset < 8
                        m.d.comb += getattr(self, bits.name).eq(
                            bus.wdata[bits.offset] & bus.wstrb[0]
                        )

        # Reading: a cycle to look at the address, another (or many, for a counter) to look up.
        # What is found is in a register before the answer, and what finds it a cycle before that.
        index = Signal(ADDRESS_BITS - 2)
        fixed = {**identity(self._configuration)}
        found = Signal(32, reset_less=True)
        answer = Signal(32, reset_less=True)
        counted = Signal()
        in_rom = Signal()
        m.d.comb += [constant.addr.eq(index), bus.rdata.eq(answer)]
        m.d.sync += in_rom.eq(
            (index >= ROM_ADDRESS >> 2) & (index < (ROM_ADDRESS >> 2) + len(words)),
        )
        contents = {**fixed, **stored, "STATUS": self.status}
        parts = []
        for name, value in contents.items():
            hit = Signal(name=f"hit_{name.lower()}")
            m.d.sync += hit.eq(index == BY_NAME[name].address >> 2)
            parts.append(Mux(hit, value, 0))
        m.d.sync += [found.eq(reduce(or_, parts)), counted.eq(0)]
        with m.Switch(index):
            for place, name in enumerate(names):
                with m.Case(BY_NAME[name].address >> 2):
                    m.d.sync += [counted.eq(1), counters.select.eq(place)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += bus.arready.eq(1)
                m.d.sync += index.eq(bus.araddr[2:])
                with m.If(bus.arvalid):
                    m.next = "LOOK UP"
            with m.State("LOOK UP"):
                # The ROM needs this cycle, and what the counters show is not of this one yet.
                m.next = "WAIT"
            with m.State("WAIT"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                with m.If(counters.valid | ~counted):
                    m.d.sync += [
                        answer.eq(Mux(in_rom, constant.data, Mux(counted, counters.value, found))),
                        bus.rvalid.eq(1),
                    ]
                    m.next = "RESPOND"
            with m.State("RESPOND"):
                with m.If(bus.rready):
                    m.d.sync += bus.rvalid.eq(0)
                    m.next = "IDLE"
        return m
