# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Lite slave."""

from functools import reduce
from operator import or_

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

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


#: Counters, those of engines first, as they follow each other in the map.
_COUNTERS = (
    *(f"{engine.name}_{counter.upper()}" for engine in Engine for counter, _ in COUNTERS),
    "CYCLES",
    "READ_BYTES",
    "WRITE_BYTES",
)
_ENGINE_COUNTERS = len(Engine) * len(COUNTERS)
#: Words of the RAM for registers, and again for the ROM's words.
_WORDS = 64


def _word(name):
    """Return the number of a register's word."""
    return BY_NAME[name].address >> 2


assert [_word(name) - _word(_COUNTERS[0]) for name in _COUNTERS[:_ENGINE_COUNTERS]] == list(
    range(_ENGINE_COUNTERS)
)
#: Words of registers that the RAM keeps for the host.
_KEPT = {
    _word(register.name)
    for register in REGISTERS
    if register.access is Access.WRITE and register.name != "INTERRUPT_ENABLE"
}
_FIRST_WORD, _LAST_WORD = min(_KEPT), max(_KEPT)


class Registers(wiring.Component):
    """Let the host see and set :data:`dpu_spec.registers.REGISTERS`.

    Accesses are made one at a time; that of a counter may take some 35 cycles. None is accepted in
    as many cycles after a reset, in which what is stored is set to zero.

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
        counters = self._counters(m)

        # Registers that the host writes lie in a RAM, from which it reads them, with the constants.
        # Those that it reads nowhere else lie in registers or in RAMs of their own as well.
        words = rom(self._configuration)
        assert len(words) <= _WORDS
        init = [0] * (2 * _WORDS)
        for name, value in identity(self._configuration).items():
            init[_word(name)] = value
        init[_WORDS : _WORDS + len(words)] = words
        m.submodules.kept = kept = memory.Memory(
            shape=32,
            depth=len(init),
            init=init,
            # No word is looked up in the cycle in which it is written.
            attrs={"ram_style": "block", "no_rw_check": 1},
        )

        # Writing: address and data are taken together, in a cycle of their own, and stored in the
        # next. At first, zeros are stored everywhere.
        word = bus.awaddr[2:ADDRESS_BITS]
        write = Signal()
        fill = Signal(range(_LAST_WORD + 2), init=_FIRST_WORD)
        filled = Signal()
        store = Signal()
        place = Signal(len(word))
        value = Signal(32)
        strobe = Signal(4)
        m.d.comb += [bus.awready.eq(write), bus.wready.eq(write)]
        m.d.sync += [
            write.eq(bus.awvalid & bus.wvalid & ~write & (~bus.bvalid | bus.bready) & filled),
            store.eq(write | ~filled),
            place.eq(Mux(filled, word, fill)),
            value.eq(Mux(filled, bus.wdata, 0)),
            strobe.eq(bus.wstrb | (~filled).replicate(4)),
        ]
        with m.If(fill == _LAST_WORD):
            m.d.sync += filled.eq(1)
        with m.Else():
            m.d.sync += fill.eq(fill + 1)
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(write):
            m.d.sync += bus.bvalid.eq(1)
            control = BY_NAME["CONTROL"]
            with m.If(word == control.address >> 2):
                for bits in control.bits:
                    assert bits.offset < 8
                    m.d.comb += getattr(self, bits.name).eq(bus.wdata[bits.offset] & bus.wstrb[0])

        writable = Signal()
        m.d.comb += writable.eq(
            reduce(or_, (place == at for at in range(_FIRST_WORD, _LAST_WORD + 1) if at in _KEPT))
        )
        writing = Signal(4)
        m.d.comb += writing.eq(strobe & store.replicate(4))
        into = kept.write_port(granularity=8)
        m.d.comb += [
            into.addr.eq(place),
            into.data.eq(value),
            into.en.eq(Mux(writable, writing, 0)),
        ]
        with m.If(writing[0] & (place == _word("INTERRUPT_ENABLE"))):
            # Only the bit that means something is kept.
            m.d.sync += self.interrupt_enable.eq(value[0])
        for own, name in zip(self.windows, WINDOW_NAMES, strict=True):
            for part, register in ((own.base, "BASE"), (own.size, "SIZE")):
                for byte in range(4):
                    # Each byte has its enable, which needs no logic for its data.
                    with m.If(writing[byte] & (place == _word(f"{name.upper()}_{register}"))):
                        at = slice(8 * byte, 8 * byte + 8)
                        m.d.sync += part[at].eq(value[at])
        for at, (field, register) in enumerate((("offset", "STREAM"), ("count", "COUNT"))):
            streams = memory.Memory(shape=32, depth=1 << ENGINE_BITS, init=[])
            m.submodules[f"streams_{field}"] = streams
            reader, writer = streams.read_port(domain="comb"), streams.write_port(granularity=8)
            first = _word(f"{Engine(0).name}_{register}")
            here = (place >> (ENGINE_BITS + 1) == first >> (ENGINE_BITS + 1)) & (place[0] == at)
            m.d.comb += [
                writer.addr.eq(place >> 1),
                writer.data.eq(value),
                writer.en.eq(Mux(here, writing, 0)),
                reader.addr.eq(self.select),
                self.stream[field].eq(reader.data),
            ]

        # Reading: a cycle to look at the address, another (or many, for a counter) to look up.
        # What is found is in a register before the answer, and what finds it a cycle before that.
        index = Signal(ADDRESS_BITS - 2)
        in_status = Signal()
        in_enable = Signal()
        found = Signal(32)
        answer = Signal(32, reset_less=True)
        counted = Signal()
        look = Signal()
        out = kept.read_port()
        upper = ROM_ADDRESS >> 2
        first = _word(_COUNTERS[0])
        m.d.comb += [
            out.en.eq(look),
            # Elsewhere there is nothing, as in the last word of the registers.
            out.addr.eq(
                Mux(
                    (index & ~(upper | (_WORDS - 1))) == 0,
                    Cat(index[: exact_log2(_WORDS)], index[exact_log2(upper)]),
                    _WORDS - 1,
                )
            ),
            bus.rdata.eq(answer),
        ]
        m.d.sync += [
            in_status.eq(index == _word("STATUS")),
            in_enable.eq(index == _word("INTERRUPT_ENABLE")),
            found.eq(Mux(in_status, self.status, 0)),
            counted.eq((index >= first) & (index < first + _ENGINE_COUNTERS)),
            counters.select.eq(index - first),
        ]
        with m.If(in_enable):
            m.d.sync += found[0].eq(self.interrupt_enable)
        with m.Switch(index):
            for number, name in enumerate(_COUNTERS[_ENGINE_COUNTERS:], _ENGINE_COUNTERS):
                with m.Case(_word(name)):
                    m.d.sync += [counted.eq(1), counters.select.eq(number)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += bus.arready.eq(filled & ~write)
                m.d.sync += index.eq(bus.araddr[2:])
                with m.If(bus.arvalid & bus.arready):
                    m.next = "LOOK UP"
            with m.State("LOOK UP"):
                # The RAM needs this cycle, and what the counters show is not of this one yet.
                m.d.comb += look.eq(1)
                m.next = "WAIT"
            with m.State("WAIT"):
                m.next = "ANSWER"
            with m.State("ANSWER"):
                with m.If(counters.valid | ~counted):
                    m.d.sync += [
                        answer.eq(Mux(counted, counters.value, out.data | found)),
                        bus.rvalid.eq(1),
                    ]
                    m.next = "RESPOND"
            with m.State("RESPOND"):
                with m.If(bus.rready):
                    m.d.sync += bus.rvalid.eq(0)
                    m.next = "IDLE"
        return m

    def _counters(self, m):
        """Add the counters, and tell them what happens."""
        events = {"CYCLES": self.running, "READ_BYTES": self.read_transfer}
        events["WRITE_BYTES"] = self.write_transfer
        for engine in Engine:
            for counter, _ in COUNTERS:
                events[f"{engine.name}_{counter.upper()}"] = getattr(self, counter)[engine]
        beat = self._configuration.axi_bytes
        m.submodules.counters = counters = Counters(
            steps=[beat if name.endswith("_BYTES") else 1 for name in _COUNTERS]
        )
        m.d.comb += [
            counters.events.eq(Cat(events[name] for name in _COUNTERS)),
            counters.clear.eq(self.clear),
        ]
        return counters
