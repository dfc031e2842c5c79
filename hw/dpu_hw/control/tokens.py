# SPDX-License-Identifier: Apache-2.0
"""The tokens that order engines."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.control.layouts import ENGINES
from dpu_hw.ram_queue import RamQueue
from dpu_spec.instruction import ENGINE_SLOTS, TOKEN_LIMIT

__all__ = ["Signals", "Tokens"]


#: Bits of a token counter.
_BITS = 6
#: What a counter holds for no token, and for :data:`TOKEN_LIMIT` of them. Of all states it is the
#: one whose neighbours take the fewest LUT4s to tell.
_ZERO = 2


def _step(down, width):
    """Return -1 if it is ``down``, else 1: there is one adder then."""
    return Cat(C(1, 1), down.replicate(width - 1))


def _more(state):
    """Return what a token counter holds with one token more."""
    return Cat(state[5] ^ state[4], state[:5])


def _fewer(state):
    """Return what a token counter holds with one token less."""
    return Cat(state[1:], state[0] ^ state[5])


class Tokens(wiring.Component):
    """Count tokens for each ordered pair of engines.

    Members
    -------
    take : :py:`In(ENGINE_SLOTS).array(ENGINES)`
        For each waiter, signallers of whom it takes a token in this cycle. There must be one.
    available : :py:`Out(ENGINE_SLOTS).array(ENGINES)`
        For each waiter, signallers of whom there is a token. Engines that don't exist have none.
    give : :py:`In(ENGINE_SLOTS).array(ENGINES)`
        For each signaller, waiters whom it gives a token in this cycle. The counter must not be
        full.
    full : :py:`Out(ENGINE_SLOTS).array(ENGINES)`
        For each signaller, waiters whose counters hold :data:`TOKEN_LIMIT` tokens of it.
    """

    take: In(ENGINE_SLOTS).array(ENGINES)
    available: Out(ENGINE_SLOTS).array(ENGINES)
    give: In(ENGINE_SLOTS).array(ENGINES)
    full: Out(ENGINE_SLOTS).array(ENGINES)

    def elaborate(self, platform):
        m = Module()
        # A shift register with feedback counts without a carry. It has a state less than there are
        # numbers of tokens: the first and the last are told apart by what is kept beside it.
        assert TOKEN_LIMIT == (1 << _BITS) - 1
        for signaller in range(ENGINES):
            for waiter in range(ENGINES):
                # What the count says is kept beside it: much depends on it.
                pair = f"{signaller}_{waiter}"
                count = Signal(_BITS, init=_ZERO, name=f"count_{pair}")
                available = Signal(name=f"available_{pair}")
                full = Signal(name=f"full_{pair}")
                give = self.give[signaller][waiter]
                take = self.take[waiter][signaller]
                with m.If(give ^ take):
                    m.d.sync += [
                        count.eq(Mux(give, _more(count), _fewer(count))),
                        available.eq(give | (_fewer(count) != _ZERO)),
                        full.eq(give & (_more(count) == _ZERO)),
                    ]
                m.d.comb += [
                    self.available[waiter][signaller].eq(available),
                    self.full[signaller][waiter].eq(full),
                ]
        return m


class Signals(wiring.Component):
    """Give the tokens of one engine's instructions as they complete, in order.

    Tokens for engines that don't exist are dropped.

    Parameters
    ----------
    depth : :class:`int`
        Instructions that an engine has at most.

    Members
    -------
    accept : :py:`In(1)`
        The engine accepts an instruction.
    mask : :py:`In(ENGINE_SLOTS)`
        Whom that instruction signals.
    ready : :py:`Out(1)`
        Another instruction may be accepted.
    done : :py:`In(1)`
        The engine completes an instruction.
    full : :py:`In(ENGINE_SLOTS)`
        Waiters who can't take a token now.
    give : :py:`Out(ENGINE_SLOTS)`
        Waiters who get a token: in the cycle of ``done``, unless they can't take one.
    held : :py:`Out(range(depth + 1))`
        Instructions accepted and not completed.
    """

    def __init__(self, *, depth):
        self._depth = depth
        super().__init__(
            {
                "accept": In(1),
                "mask": In(ENGINE_SLOTS),
                "ready": Out(1),
                "done": In(1),
                "full": In(ENGINE_SLOTS),
                "give": Out(ENGINE_SLOTS),
                "held": Out(range(depth + 1)),
            }
        )

    @property
    def depth(self):
        """Instructions that an engine has at most."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        layout = data.StructLayout({"mask": ENGINES})
        m.submodules.masks = masks = RamQueue(shape=layout, depth=self._depth)
        # Completions whose tokens are not all given, and what the first of them has given.
        behind = Signal(range(self._depth + 1))
        late = Signal()  # there are such
        given = Signal(ENGINES)
        wanted = Signal(ENGINES)
        give = Signal(ENGINES)
        active = Signal()
        m.d.comb += [
            masks.i.valid.eq(self.accept),
            masks.i.payload.mask.eq(self.mask),
            self.ready.eq(masks.i.ready),
            active.eq((self.done | late) & masks.o.valid),
            wanted.eq(masks.o.payload.mask & ~given),
            give.eq(Mux(active, wanted & ~self.full[:ENGINES], 0)),
            self.give.eq(give),
            masks.o.ready.eq(active & ~(wanted & self.full[:ENGINES]).any()),
        ]
        with m.If(active):
            m.d.sync += given.eq(Mux(masks.o.ready, 0, given | give))
        with m.If(self.done ^ masks.o.ready):
            m.d.sync += [
                # Whether it is a completion is known before whether tokens could be given.
                behind.eq(behind + _step(~self.done, len(behind))),
                late.eq(self.done | (behind != 1)),
            ]
        with m.If(self.accept ^ self.done):
            m.d.sync += self.held.eq(self.held + _step(self.done, len(self.held)))
        return m
