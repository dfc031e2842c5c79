# SPDX-License-Identifier: Apache-2.0
"""A loop over what another register keeps the number of."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Loop"]


class Loop(wiring.Component):
    """Count the turns of a loop, again and again, as long as their number stays.

    As :class:`dpu_hw.loop_counter.LoopCounter`, but for a number that is held outside, and is
    known to be one or not: counting up from a constant takes no multiplexers.

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
        Begin with the first turn in the next cycle. It goes before ``step``.
    count : :py:`In(width)`
        Turns, see ``final``; from the cycle after ``load`` until the next one.
    single : :py:`In(1)`
        There is but one turn, whatever ``count`` says; with ``load`` already.
    fewer : :py:`In(1)`
        There is one turn less than ``count`` says; with ``load`` already.
    step : :py:`In(1)`
        Go on to the next turn: after the last one, to the first.
    last : :py:`Out(1)`
        This is the last turn.
    following : :py:`Out(width)`
        Number of the next turn, if this isn't the last: of the first it would be ``final``, or one
        more with ``fewer``.
    """

    def __init__(self, *, width, final):
        if final not in (0, 1):
            raise ValueError(f"The count of a single turn must be 0 or 1, not {final!r}")
        self._width = width
        self._final = final
        super().__init__(
            {
                "load": In(1),
                "count": In(width),
                "single": In(1),
                "fewer": In(1),
                "step": In(1),
                "last": Out(1),
                "following": Out(width),
            }
        )

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
        second = self._final + 1
        # Loading sets all of it. The initial value is that of the reset, which flip-flops have but
        # one of.
        following = Signal(self._width, init=second, reset_less=True)
        last = Signal(reset_less=True)
        m.d.comb += [self.last.eq(last), self.following.eq(following)]
        with m.If(self.load | (self.step & last)):
            m.d.sync += [following.eq(Mux(self.fewer, second + 1, second)), last.eq(self.single)]
        with m.Elif(self.step):
            m.d.sync += [following.eq(following + 1), last.eq(following == self.count)]
        return m
