# SPDX-License-Identifier: Apache-2.0
"""A loop that knows from a register when it is in its last turn."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["LoopCounter"]


class LoopCounter(wiring.Component):
    """Count the turns of a loop, again and again.

    A comparison of a wide counter would stand at the beginning of long paths: what a turn is
    followed by often depends on whether it is the last. It is made a turn ahead instead.

    Parameters
    ----------
    width : :class:`int`
        Bits of ``count``.
    final : :class:`int`
        What ``count`` is for a single turn: 1 where it is the number of turns, 0 where it is that
        of turns after the first.

    Members
    -------
    load : :py:`In(1)`
        Begin with the first turn of a loop. It goes before ``step``.
    count : :py:`In(width)`
        Turns of that loop, see ``final``. Less than ``final`` stands for 2**width more.
    step : :py:`In(1)`
        Go on to the next turn: after the last one, to the first.
    last : :py:`Out(1)`
        This is the last turn.
    """

    def __init__(self, *, width, final):
        if final not in (0, 1):
            raise ValueError(f"The count of a single turn must be 0 or 1, not {final!r}")
        self._width = width
        self._final = final
        super().__init__({"load": In(1), "count": In(width), "step": In(1), "last": Out(1)})

    @property
    def width(self):
        """Bits of ``count``."""
        return self._width

    @property
    def final(self):
        """What ``count`` is for a single turn."""
        return self._final

    def elaborate(self, platform):
        m = Module()
        # Loading sets all of it.
        count = Signal(self._width, reset_less=True)
        single = Signal(reset_less=True)
        left = Signal(self._width, reset_less=True)
        loads_single = Signal()
        m.d.comb += loads_single.eq(self.count == self._final)
        with m.If(self.load):
            m.d.sync += [
                count.eq(self.count),
                left.eq(self.count),
                single.eq(loads_single),
                self.last.eq(loads_single),
            ]
        with m.Elif(self.step):
            with m.If(self.last):
                m.d.sync += [left.eq(count), self.last.eq(single)]
            with m.Else():
                m.d.sync += [left.eq(left - 1), self.last.eq(left == self._final + 1)]
        return m
