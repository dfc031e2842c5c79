# SPDX-License-Identifier: Apache-2.0
"""Counters of events, whose upper bits lie in a RAM."""

from functools import reduce
from operator import or_

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["Counters"]

_BITS = 32


#: For each width the bit whose sum with the top one is fed back, so that a shift register has as
#: many states as it can: all but one.
_TAPS = {3: 1, 4: 2, 5: 2, 6: 4, 7: 5, 9: 4, 10: 6, 11: 8}


class Counters(wiring.Component):
    """Count events in 32 bits each.

    A wide counter for each event would take much logic. Instead each has only a few bits, which are
    added to its total in a RAM, one event a cycle in turn. Those few bits are a shift register with
    feedback, which takes less logic than a binary number: only the one that is added is decoded. To
    read a total is to wait for its turn, and is exact.

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
        those of the last three cycles; again after :attr:`turn` cycles.
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
        return max(4, len(self._steps))

    def elaborate(self, platform):
        m = Module()
        m.submodules.totals = totals = memory.Memory(
            shape=_BITS,
            depth=self.turn,
            init=[],
            # What is written in a cycle is read again later only.
            attrs={"ram_style": "block", "no_rw_check": 1},
        )
        read = totals.read_port()
        write = totals.write_port()

        # Whose turn it is, as a number and, a cycle later, in a ring.
        slot = Signal(range(self.turn))
        ring = Signal(self.turn, init=1 << (self.turn - 1))
        m.d.sync += [
            slot.eq(Mux(slot == self.turn - 1, 0, slot + 1)),
            ring.eq(ring.rotate_left(1)),
        ]
        m.d.comb += [read.addr.eq(slot), read.en.eq(1)]

        # Take the events since the last turn along.
        width = next(width for width in _TAPS if self.turn + 1 < 1 << width)
        parts = []
        for index in range(len(self._steps)):
            # Zero is one of the states: the feedback is inverted.
            low = Signal(width, name=f"recent_{index}")
            event, here = self.events[index], ring[index]
            parts.append(Mux(here, low, 0))
            with m.If(self.clear):
                m.d.sync += low[0].eq(0)
            with m.Elif(event | here):
                m.d.sync += low[0].eq(Mux(here, event, ~(low[-1] ^ low[_TAPS[width]])))
            with m.If(self.clear | here):
                m.d.sync += low[1:].eq(0)
            with m.Elif(event):
                m.d.sync += low[1:].eq(low[:-1])

        # Until all counters have had a turn after they were cleared, totals are old ones. Like this
        # there is one value that flip-flops are reset to.
        old = Signal(range(self.turn), init=self.turn - 1)
        with m.If(self.clear):
            m.d.sync += old.eq(old.init)
        with m.Elif(old != 0):
            m.d.sync += old.eq(old - 1)

        # A cycle later the total is here, another later it is in a register.
        total = Signal(_BITS)
        recent = Signal(width)
        m.d.sync += [total.eq(read.data), recent.eq(reduce(or_, parts))]
        with m.If(self.clear | (old != 0)):
            m.d.sync += total.eq(0)
        with m.If(self.clear):
            m.d.sync += recent.eq(0)
        added = 0
        for step in sorted(set(self._steps)):
            mine = Signal(name=f"by_{step}")
            which = Cat(bit for bit, other in zip(ring, self._steps, strict=False) if other == step)
            m.d.sync += mine.eq(which.any())
            added |= Mux(mine, _number(recent) << exact_log2(step), 0)

        turns = [slot]
        for stage in range(3):
            turns.append(Signal(range(self.turn), name=f"turn_{stage}"))
            m.d.sync += turns[-1].eq(turns[-2])
        m.d.sync += [
            self.value.eq(total + added),
            self.valid.eq((turns[2] == self.select) & ~self.clear),
        ]
        m.d.comb += [
            write.addr.eq(turns[3]),
            write.data.eq(self.value),
            write.en.eq(1),
        ]
        return m


def _number(state):
    """Return how many steps from zero a shift register with feedback has made."""
    width = len(state)
    numbers = [0] * (1 << width)
    value = 0
    for number in range((1 << width) - 1):
        numbers[value] = number
        fed = ~(value >> (width - 1) ^ value >> _TAPS[width]) & 1
        value = (value << 1 | fed) & ((1 << width) - 1)
    return Array(Const(number, width) for number in numbers)[state]
