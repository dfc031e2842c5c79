# SPDX-License-Identifier: Apache-2.0
"""The top of an ECP5's design: clock, pads, lights, and the :class:`dpu_hw.soc.soc.Soc`."""

from amaranth import *
from amaranth.back import verilog
from amaranth.lib import io, wiring
from amaranth.lib.wiring import Out

from dpu_boards.clocks import Ecp5Clock, ecp5_pll_settings
from dpu_boards.memory_wiring import memory_wiring
from dpu_hw.family import Target, family_of
from dpu_hw.soc.soc import Soc

__all__ = ["SOC", "Ecp5Design"]

#: Name of the Soc's module and file.
SOC = "soc"
#: Outputs to the SDRAM by the name of the pin's resource and of the signal.
_SDRAM_OUTPUTS = {
    "clk_en": "cke",
    "cs": "cs",
    "ras": "ras",
    "cas": "cas",
    "we": "we",
    "ba": "ba",
    "a": "a",
    "dqm": "dqm",
}


class _FromVerilog(wiring.Component):
    """The Soc by way of Verilog, with the family's primitives.

    Amaranth hands its designs to Yosys as RTLIL. That says of each read port of a memory what it
    gives when its word is written in the same cycle, and Yosys builds it, even where the memory has
    the attribute ``no_rw_check``, as all large ones have: comparators and multiplexers behind
    each block RAM. From Verilog the attribute counts.
    """

    def __init__(self, soc):
        self._soc = soc
        super().__init__(soc.signature)

    def elaborate(self, platform):
        m = Module()
        text = verilog.convert(
            self._soc, name=SOC, platform=Target(family_of(platform)), emit_src=False
        )
        platform.add_file(f"{SOC}.v", text)
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        for path, member, value in self.signature.flatten(self):
            direction = "o" if member.flow is Out else "i"
            ports[f"{direction}_{'__'.join(map(str, path))}"] = value
        m.submodules.soc = Instance(SOC, **ports)
        return m


class Ecp5Design(Elaboratable):
    """A board's design.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    clock_hertz : :class:`int` or None
        Frequency of the clock if not the board's.
    """

    def __init__(self, *, board, clock_hertz=None):
        self._board = board
        wanted = board.clock_hertz if clock_hertz is None else clock_hertz
        self._settings = ecp5_pll_settings(board.oscillator_hertz, wanted)
        #: Frequency of the clock in hertz, as the PLL makes it.
        self.clock_hertz = round(self._settings.frequency(board.oscillator_hertz))
        self._wiring = memory_wiring(board.memory, self.clock_hertz)
        self._soc = Soc(
            configuration=board.configuration,
            chip=board.memory,
            clock_hertz=self.clock_hertz,
            baud=board.baud,
            round_trip=self._wiring.round_trip,
        )

    def elaborate(self, platform):
        m = Module()
        board = self._board
        m.domains.sync = ClockDomain()
        oscillator = platform.request(board.oscillator, dir="-")
        m.submodules.oscillator = source = io.Buffer("i", oscillator)
        m.submodules.clock = clock = Ecp5Clock(
            pin=source.i, settings=self._settings, phase=self._wiring.phase
        )
        m.submodules.soc = soc = _FromVerilog(self._soc)
        self._uart(m, platform, soc)
        self._sdram(m, platform, soc, clock)
        for index, value in enumerate((soc.memory_ready, soc.interrupt)):
            light = platform.request("led", index, dir="-")
            m.submodules[f"led_{index}"] = buffer = io.Buffer("o", light)
            m.d.comb += buffer.o.eq(value)
        return m

    def _uart(self, m, platform, soc):
        pins = platform.request("uart", dir={"rx": "-", "tx": "-"} | self._others(platform))
        m.submodules.rx = rx = io.Buffer("i", pins.rx)
        m.submodules.tx = tx = io.Buffer("o", pins.tx)
        m.d.comb += [soc.uart.rx.eq(rx.i), tx.o.eq(soc.uart.tx)]

    @staticmethod
    def _others(platform):
        """Return the pins of the serial port that aren't used, as those that stay as they are."""
        resource = platform.lookup("uart")
        return {sub.name: "-" for sub in resource.ios if sub.name not in ("rx", "tx")}

    def _sdram(self, m, platform, soc, clock):
        names = [*_SDRAM_OUTPUTS, "clk", "dq"]
        pins = platform.request("sdram", dir=dict.fromkeys(names, "-"))
        for pin, signal in _SDRAM_OUTPUTS.items():
            m.submodules[f"sdram_{pin}"] = buffer = io.FFBuffer("o", getattr(pins, pin))
            m.d.comb += buffer.o.eq(getattr(soc.sdram, signal))
        m.submodules.sdram_clk = buffer = io.Buffer("o", pins.clk)
        m.d.comb += buffer.o.eq(clock.late)
        m.submodules.sdram_dq = buffer = io.FFBuffer("io", pins.dq)
        m.d.comb += [
            buffer.o.eq(soc.sdram.dq_o),
            buffer.oe.eq(soc.sdram.dq_oe),
            soc.sdram.dq_i.eq(buffer.i),
        ]
