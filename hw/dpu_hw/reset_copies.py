# SPDX-License-Identifier: Apache-2.0
"""A reset with a register for each part of a design."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.family import Family, family_of

__all__ = ["ResetCopies"]


class ResetCopies(wiring.Component):
    """Hold a reset in several registers that change together.

    One register for everything has to be reached from everywhere: its wires would be the longest
    path of the design. Copies stand near what they reset. Synthesis merges registers that are
    equal, so they are named cells where that isn't undone later (``synth_ecp5``).

    Parameters
    ----------
    copies : :class:`int`
        How many.

    Members
    -------
    next : :py:`In(1)`
        Whether there is a reset in the next cycle.
    o : :py:`Out(copies)`
        The reset, active from the reset of ``sync`` on.
    """

    def __init__(self, *, copies):
        if copies < 1:
            raise ValueError(f"Copies must be 1 or more, not {copies!r}")
        self._copies = copies
        super().__init__({"next": In(1), "o": Out(copies)})

    @property
    def copies(self):
        """How many."""
        return self._copies

    def elaborate(self, platform):
        m = Module()
        if family_of(platform) is Family.ECP5:
            for index in range(self._copies):
                m.submodules[f"register_{index}"] = Instance(
                    "TRELLIS_FF",
                    p_GSR="DISABLED",
                    p_CEMUX="1",
                    p_CLKMUX="CLK",
                    p_LSRMUX="LSR",
                    p_REGSET="SET",
                    p_SRMODE="LSR_OVER_CE",
                    i_CLK=ClockSignal(),
                    i_LSR=ResetSignal(),
                    i_DI=self.next,
                    o_Q=self.o[index],
                )
            return m
        registers = Signal(self._copies, init=-1)
        m.d.sync += registers.eq(self.next.replicate(self._copies))
        m.d.comb += self.o.eq(registers)
        return m
