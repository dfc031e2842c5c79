# SPDX-License-Identifier: Apache-2.0
"""Which rows are open, and which commands a bank may get."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Banks"]


def _wait(cycles):
    """Return what a timer is loaded with, so that a command may come so many cycles later."""
    return (1 << max(0, cycles - 1)) - 1


class Banks(wiring.Component):
    """Keep the state of each bank, and the times that must pass between its commands.

    A timer is a shift register of ones: its lowest bit tells whether to wait.

    Parameters
    ----------
    shape : :class:`~dpu_hw.sdram.layouts.Shape`
    timing : :class:`~dpu_hw.sdram.chip.SdramTiming`

    Members
    -------
    activate, precharge, read, write : :py:`In(1)`
        The command of this cycle.
    precharge_all : :py:`In(1)`
        Precharges every bank.
    bank : :py:`In(shape.chip.bank_bits)`
        Bank of the command.
    row : :py:`In(shape.chip.row_bits)`
        Row to activate.
    open : :py:`Out(shape.banks)`
        Banks with an open row.
    rows : :py:`Out(shape.chip.row_bits).array(shape.banks)`
        Which row that is.
    closing : :py:`Out(shape.banks)`
        Banks that are precharged in this cycle.
    may_activate, may_precharge, may_access : :py:`Out(shape.banks)`
        Banks that may get the command (READ and WRITE are an access).
    may_activate_any : :py:`Out(1)`
        The last ACTIVATE of any bank was long enough ago.
    """

    def __init__(self, *, shape, timing):
        self._shape = shape
        self._timing = timing
        banks = shape.banks
        super().__init__(
            {
                "activate": In(1),
                "precharge": In(1),
                "read": In(1),
                "write": In(1),
                "precharge_all": In(1),
                "bank": In(shape.chip.bank_bits),
                "row": In(shape.chip.row_bits),
                "open": Out(banks),
                "rows": Out(shape.chip.row_bits).array(banks),
                "closing": Out(banks),
                "may_activate": Out(banks),
                "may_precharge": Out(banks),
                "may_access": Out(banks),
                "may_activate_any": Out(1),
            }
        )

    def _timer(self, m, name, *causes):
        """Return whether nothing forbids a command: causes are (when, cycles to wait)."""
        width = max(1, *(cycles - 1 for _, cycles in causes))
        wait = Signal(width, name=name)
        loaded = wait >> 1
        for when, cycles in causes:
            loaded = loaded | Mux(when, C(_wait(cycles), width), 0)
        m.d.sync += wait.eq(loaded)
        return ~wait[0]

    def elaborate(self, platform):
        m = Module()
        shape, timing = self._shape, self._timing
        for index in range(shape.banks):
            mine = Signal(name=f"mine_{index}")
            activate = Signal(name=f"activate_{index}")
            m.d.comb += [
                mine.eq(self.bank == index),
                activate.eq(self.activate & mine),
                self.closing[index].eq(self.precharge_all | (self.precharge & mine)),
                self.may_activate[index].eq(
                    self._timer(
                        m,
                        f"activate_wait_{index}",
                        (activate, timing.rc),
                        (self.closing[index], timing.rp),
                    )
                ),
                self.may_precharge[index].eq(
                    self._timer(
                        m,
                        f"precharge_wait_{index}",
                        (activate, timing.ras),
                        # Precharging earlier would cut the data short.
                        (self.read & mine, shape.burst),
                        (self.write & mine, shape.burst - 1 + timing.wr),
                    )
                ),
                self.may_access[index].eq(
                    self._timer(m, f"access_wait_{index}", (activate, timing.rcd))
                ),
            ]
            with m.If(activate):
                m.d.sync += [self.open[index].eq(1), self.rows[index].eq(self.row)]
            with m.If(self.closing[index]):
                m.d.sync += self.open[index].eq(0)
        m.d.comb += self.may_activate_any.eq(
            self._timer(m, "any_wait", (self.activate, timing.rrd))
        )
        return m
