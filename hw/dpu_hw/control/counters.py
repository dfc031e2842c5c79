# SPDX-License-Identifier: Apache-2.0
"""Counters of events, whose upper bits lie in a RAM."""

from functools import reduce
from operator import or_

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

__all__ = ["Counters"]

_BITS = 32


class Counters(wiring.Component):
    """Count events in 32 bits each.

    A wide counter for each event would take much logic. Instead each has only a few bits, which are
    added to its total in a RAM, one event a cycle in turn. To read a total is to wait for its turn,
    and is exact.

    Parameters
    ----------
    steps : sequence of :class:`int`
        What each event adds: a power of two.

    Members
    -------
    events : :py:`In(len(steps))`
        Events of this cycle.
    clear : :py:`In(1)`
        Start from zero. An event in this cycle isn't counted.
    select : :py:`In(range(len(steps)))`
        The counter to read.
    valid : :py:`Out(1)`
        ``value`` is that of the counter that was selected in the cycle before, with all events but
        those of the last two cycles; again after :attr:`turn` cycles.
    value : :py:`Out(32)`
        Its value, wrapping.
    """

    def __init__(self, *, steps):
        self._steps = tuple(steps)
        for step in self._steps:
            if step <= 0 or step & (step - 1):
                raise ValueError(f"A step must be a power of two, not {step!r}")
        super().__init__(
            {
                "events": In(len(self._steps)),
                "clear": In(1),
                "select": In(range(len(self._steps))),
                "valid": Out(1),
                "value": Out(_BITS),
            }
        )

    @property
    def steps(self):
        """What each event adds."""
        return self._steps

    @property
    def turn(self):
        """Cycles from one turn of a counter to the next."""
        return 1 << ceil_log2(max(4, len(self._steps)))

    def elaborate(self, platform):
        m = Module()
        m.submodules.totals = totals = memory.Memory(shape=_BITS, depth=self.turn, init=[])
        read = totals.read_port()
        write = totals.write_port()

        slot = Signal(range(self.turn))
        m.d.sync += slot.eq(slot + 1)
        m.d.comb += [read.addr.eq(slot), read.en.eq(1)]

        # A cycle later the total is here, another later it is in a register.
        ahead = Signal(range(self.turn), init=self.turn - 1)
        total = Signal(_BITS, reset_less=True)
        fresh = Signal(self.turn, init=-1)
        m.d.sync += [
            ahead.eq(slot),
            fresh.bit_select(ahead, 1).eq(0),
            total.eq(Mux(fresh.bit_select(ahead, 1), 0, read.data)),
        ]
        with m.If(self.clear):
            m.d.sync += [fresh.eq(-1), total.eq(0)]

        # Take the events since the last turn along.
        turn = Signal(range(self.turn), init=self.turn - 2)
        m.d.sync += turn.eq(ahead)
        recent = Signal(range(self.turn * max(self._steps) + 1))
        parts = []
        for index, step in enumerate(self._steps):
            low = Signal(range(self.turn + 1), name=f"recent_{index}")
            here = Signal(name=f"here_{index}")
            m.d.sync += here.eq(ahead == index)
            event = self.events[index]
            parts.append(Mux(here, low * step, 0))
            with m.If(here):
                m.d.sync += low.eq(event)
            with m.Elif(event):
                m.d.sync += low.eq(low + 1)
            with m.If(self.clear):
                m.d.sync += low.eq(0)
        m.d.comb += recent.eq(reduce(or_, parts))

        home = Signal(range(self.turn))
        m.d.sync += [
            self.value.eq(total + recent),
            home.eq(turn),
            self.valid.eq((turn == self.select) & ~self.clear),
        ]
        m.d.comb += [
            write.addr.eq(home),
            write.data.eq(self.value),
            write.en.eq(1),
        ]
        return m
