# SPDX-License-Identifier: Apache-2.0
"""Whether reads or writes have the data pins."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Turns"]


class Turns(wiring.Component):
    """Give reads and writes turns, long ones, as each change costs some cycles.

    A turn ends when there is nothing more to do in it, or after a number of beats for which the
    other side had to wait.

    Parameters
    ----------
    beats : :class:`int`
        Beats of a turn while the other side waits.

    Members
    -------
    read, write : :py:`In(1)`
        A beat could be read, or written, as soon as its row is open.
    beat : :py:`In(1)`
        One is read or written in this cycle.
    writing : :py:`Out(1)`
        It is the writes' turn.
    """

    def __init__(self, *, beats):
        if not isinstance(beats, int) or beats < 1:
            raise ValueError(f"A turn has one beat or more, not {beats!r}")
        self._beats = beats
        super().__init__({"read": In(1), "write": In(1), "beat": In(1), "writing": Out(1)})

    def elaborate(self, platform):
        m = Module()
        present = Signal()
        waiting = Signal()
        m.d.comb += [
            present.eq(Mux(self.writing, self.write, self.read)),
            waiting.eq(Mux(self.writing, self.read, self.write)),
        ]
        left = Signal(range(self._beats + 1), init=self._beats)
        change = Signal()
        m.d.comb += change.eq(waiting & (~present | (left == 0)))
        with m.If(change):
            m.d.sync += self.writing.eq(~self.writing)
        with m.If(change | ~waiting):
            m.d.sync += left.eq(self._beats)
        with m.Elif(self.beat):
            m.d.sync += left.eq(left - (left != 0))
        return m
