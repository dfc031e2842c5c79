# SPDX-License-Identifier: Apache-2.0
"""A loop that counts up and knows from a register when it is in its last turn."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["TurnCounter"]


class TurnCounter(wiring.Component):
    """Count the turns of a loop, again and again.

    It does what a :class:`dpu_hw.loop_counter.LoopCounter` does. Counting up from a constant, it
    begins a loop with its registers' reset instead of multiplexers in front of each bit.

    Parameters
    ----------
    width : :class:`int`
        Bits of ``count``.

    Members
    -------
    load : :py:`In(1)`
        Begin with the first turn of a loop. It goes before ``step``.
    count : :py:`In(width)`
        Turns of that loop; 0 stands for 2**width.
    step : :py:`In(1)`
        Go on to the next turn: after the last one, to the first.
    last : :py:`Out(1)`
        This is the last turn.
    """

    def __init__(self, *, width):
        self._width = width
        super().__init__({"load": In(1), "count": In(width), "step": In(1), "last": Out(1)})

    @property
    def width(self):
        """Bits of ``count``."""
        return self._width

    def elaborate(self, platform):
        m = Module()
        # Loading sets all of it. Flip-flops have one value for the reset and for the beginning.
        count = Signal(self._width, reset_less=True)
        single = Signal(reset_less=True)
        next_turn = Signal(self._width, init=2, reset_less=True)  # the first one is the first
        loads_single = Signal()
        m.d.comb += loads_single.eq(self.count == 1)
        with m.If(self.load):
            m.d.sync += [count.eq(self.count), single.eq(loads_single)]
        with m.If(self.load | (self.step & self.last)):
            m.d.sync += [next_turn.eq(2), self.last.eq(Mux(self.load, loads_single, single))]
        with m.Elif(self.step):
            m.d.sync += [next_turn.eq(next_turn + 1), self.last.eq(next_turn == count)]
        return m
