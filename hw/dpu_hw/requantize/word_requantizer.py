# SPDX-License-Identifier: Apache-2.0
"""Requantizer of whole words on fewer lanes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.choose import choose
from dpu_hw.requantize.layouts import requantizer_input, requantizer_output
from dpu_hw.requantize.requantizer import Requantizer
from dpu_hw.split_queue import SplitQueue

__all__ = ["WordRequantizer"]


class WordRequantizer(wiring.Component):
    """Requantize words of ``lanes`` values, one every ``lanes // requantizers`` cycles.

    A word is taken only if there is a place for it in the queue of results, so that the pipeline
    never stalls, and readiness comes from a register.

    Parameters
    ----------
    lanes : :class:`int`
        Values of a word.
    requantizers : :class:`int`
        Values handled each cycle; divides ``lanes // items``.
    items : :class:`int`
        Items in which a word's accumulators come, one after the other; divides ``lanes``.
    tag_shape : shape-like
        What travels along with each word.

    Members
    -------
    i : :py:`In(stream.Signature(requantizer_input(lanes, tag_shape, items=items)))`
        Accumulators with the scales of their word. An item is taken with its last part; the tag is
        that of the last item.
    o : :py:`Out(stream.Signature(requantizer_output(lanes, tag_shape)))`
        Results, in order, :attr:`latency` cycles after the word was taken.
    leaves : :py:`Out(1)`
        A pulse for each item that is taken, :attr:`notice` cycles before, whatever happens then; of
        items of fewer parts never.
    """

    latency = Requantizer.latency + 1
    #: Words that it holds: more than the cycles from one being taken until its place is free again.
    places = 16
    #: Cycles from ``leaves`` until an item is taken.
    notice = 2

    def __init__(self, *, lanes, requantizers, tag_shape, items=1):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        if not isinstance(items, int) or items <= 0 or lanes % items:
            raise ValueError(f"Items must divide {lanes} lanes, not {items!r}")
        taken = lanes // items
        if not isinstance(requantizers, int) or requantizers <= 0 or taken % requantizers:
            raise ValueError(f"Requantizers must divide {taken} lanes, not {requantizers!r}")
        self._lanes = lanes
        self._requantizers = requantizers
        self._tag_shape = tag_shape
        self._items = items
        super().__init__(
            {
                "i": In(stream.Signature(requantizer_input(lanes, tag_shape, items=items))),
                "o": Out(stream.Signature(requantizer_output(lanes, tag_shape))),
                "leaves": Out(1),
            }
        )

    @property
    def lanes(self):
        """Values of a word."""
        return self._lanes

    @property
    def requantizers(self):
        """Values handled each cycle."""
        return self._requantizers

    @property
    def tag_shape(self):
        """Shape of the tag."""
        return self._tag_shape

    @property
    def items(self):
        """Items in which a word's accumulators come."""
        return self._items

    @property
    def parts(self):
        """Cycles that a word takes."""
        return self._lanes // self._requantizers

    def elaborate(self, platform):
        m = Module()
        m.submodules.requantizer = requantizer = Requantizer(
            lanes=self._requantizers, tag_shape=self._tag_shape
        )
        # Data go straight to registers or into a memory, tags may decide where.
        m.submodules.results = results = SplitQueue(
            shape=requantizer_output(self._lanes, self._tag_shape),
            depth=self.places,
            registered=("tag",),
        )
        connect(m, results.o, flipped(self.o))
        i, o = requantizer.i, requantizer.o

        # Free places less one; the sign tells that there is none.
        free = Signal(signed(self.places.bit_length() + 1), init=self.places - 1)
        taken = Signal()
        m.d.sync += free.eq(free + (self.o.valid & self.o.ready) - taken)
        m.d.comb += [i.valid.eq(self.i.valid & ~free[-1]), o.ready.eq(1)]

        if self.parts == 1:
            m.d.comb += [
                i.payload.eq(self.i.payload),
                self.i.ready.eq(i.ready & ~free[-1]),
                taken.eq(self.i.valid & self.i.ready),
                results.i.valid.eq(o.valid),
                results.i.payload.eq(o.payload),
            ]
            return m

        size, last = self._requantizers, self.parts - 1
        part = Signal(range(self.parts))
        item = self.parts // self._items
        m.d.comb += [
            i.p.output.eq(self.i.p.output),
            i.p.tag.eq(self.i.p.tag),
            self.i.ready.eq(i.ready & ~free[-1] & ((part & (item - 1)) == item - 1)),
            taken.eq(self.i.valid & self.i.ready & (part == last)),
        ]
        if item > self.notice:
            # A word that has been begun is never held up.
            at_notice = (part & (item - 1)) == item - 1 - self.notice
            m.d.comb += self.leaves.eq(i.valid & at_notice)
        with m.If(i.valid & i.ready):
            m.d.sync += part.eq(Mux(part == last, 0, part + 1))
        for lane in range(size):
            m.d.comb += i.p.acc[lane].eq(choose(m, part, self.i.p.acc[lane::size], platform))
            for name in ("bias", "multiplier", "shift"):
                scale = self.i.p.scale[name]
                m.d.comb += i.p.scale[name][lane].eq(choose(m, part, scale[lane::size], platform))

        # All parts but the last are kept; that one goes out with them.
        done = Signal(range(self.parts))
        kept = Signal(8 * size * last, reset_less=True)
        with m.If(o.valid):
            m.d.sync += done.eq(Mux(done == last, 0, done + 1))
            with m.If(done != last):
                m.d.sync += kept.eq(Cat(kept[8 * size :], o.p.data))
        m.d.comb += [
            results.i.valid.eq(o.valid & (done == last)),
            results.i.p.data.eq(Cat(kept, o.p.data)),
            results.i.p.tag.eq(o.p.tag),
        ]
        return m
