# SPDX-License-Identifier: Apache-2.0
"""What an SDRAM needs besides accesses: its start-up sequence, and to be refreshed."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.sdram.pins import Command

__all__ = ["Maintenance"]


class Maintenance(wiring.Component):
    """Start the chip, then refresh it at regular intervals.

    Parameters
    ----------
    timing : :class:`~dpu_hw.sdram.chip.SdramTiming`
    power_up_refreshes : :class:`int`
        REFRESH commands of the start-up sequence.

    Members
    -------
    may_precharge, may_activate : :py:`In(1)`
        Every bank may get such a command.
    run : :py:`Out(1)`
        Others may issue commands.
    ready : :py:`Out(1)`
        The chip is started; stays set.
    command : :py:`Out(3)`
        A :class:`~dpu_hw.sdram.pins.Command` while ``run`` is 0: NOP, PRECHARGE (all banks),
        REFRESH or MODE.
    """

    def __init__(self, *, timing, power_up_refreshes):
        self._timing = timing
        self._power_up_refreshes = power_up_refreshes
        super().__init__(
            {
                "may_precharge": In(1),
                "may_activate": In(1),
                "run": Out(1),
                "ready": Out(1),
                "command": Out(3),
            }
        )

    def elaborate(self, platform):
        m = Module()
        timing = self._timing
        longest = max(timing.power_up, timing.rfc, timing.mrd)
        wait = Signal(range(longest), init=timing.power_up - 1)
        over = Signal()
        m.d.comb += over.eq(wait == 0)
        with m.If(~over):
            m.d.sync += wait.eq(wait - 1)

        refreshes_left = Signal(
            range(self._power_up_refreshes + 1), init=self._power_up_refreshes - 1
        )
        interval = Signal(range(timing.refresh), init=timing.refresh - 1)
        due = Signal()
        m.d.sync += interval.eq(Mux(interval == 0, timing.refresh - 1, interval - 1))
        with m.If(interval == 0):
            m.d.sync += due.eq(1)

        with m.FSM():
            with m.State("POWER_UP"):
                with m.If(over):
                    m.next = "PRECHARGE"
            with m.State("PRECHARGE"):
                with m.If(self.may_precharge):
                    m.d.comb += self.command.eq(Command.PRECHARGE)
                    m.next = "REFRESH"
            with m.State("REFRESH"):
                with m.If(self.may_activate):
                    m.d.comb += self.command.eq(Command.REFRESH)
                    m.d.sync += [wait.eq(max(0, timing.rfc - 2)), due.eq(0)]
                    m.next = "WAIT"
            with m.State("WAIT"):
                with m.If(over):
                    with m.If(self.ready):
                        m.next = "RUN"
                    with m.Elif(refreshes_left == 0):
                        m.next = "MODE"
                    with m.Else():
                        m.d.sync += refreshes_left.eq(refreshes_left - 1)
                        m.next = "REFRESH"
            with m.State("MODE"):
                m.d.comb += self.command.eq(Command.MODE)
                m.d.sync += [wait.eq(max(0, timing.mrd - 2)), self.ready.eq(1)]
                m.next = "WAIT"
            with m.State("RUN"):
                m.d.comb += self.run.eq(1)
                with m.If(due):
                    m.next = "PRECHARGE"
        return m
