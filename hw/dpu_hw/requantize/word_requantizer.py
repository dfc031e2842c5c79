# SPDX-License-Identifier: Apache-2.0
"""Requantizer of whole words on fewer lanes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.requantize.layouts import requantizer_input, requantizer_output
from dpu_hw.requantize.requantizer import Requantizer

__all__ = ["WordRequantizer"]


class WordRequantizer(wiring.Component):
    """Requantize words of ``lanes`` values, one every ``lanes // requantizers`` cycles.

    Parameters
    ----------
    lanes : :class:`int`
        Values of a word.
    requantizers : :class:`int`
        Values handled each cycle; divides ``lanes``.
    tag_shape : shape-like
        What travels along with each word.

    Members
    -------
    i : :py:`In(stream.Signature(requantizer_input(lanes, tag_shape)))`
        Words of accumulators with their scales. A word is taken with its last part.
    o : :py:`Out(stream.Signature(requantizer_output(lanes, tag_shape)))`
        Results, in order, :attr:`Requantizer.latency` cycles after the word was taken.
    """

    latency = Requantizer.latency

    def __init__(self, *, lanes, requantizers, tag_shape):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        if not isinstance(requantizers, int) or requantizers <= 0 or lanes % requantizers:
            raise ValueError(f"Requantizers must divide {lanes} lanes, not {requantizers!r}")
        self._lanes = lanes
        self._requantizers = requantizers
        self._tag_shape = tag_shape
        super().__init__(
            {
                "i": In(stream.Signature(requantizer_input(lanes, tag_shape))),
                "o": Out(stream.Signature(requantizer_output(lanes, tag_shape))),
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
    def parts(self):
        """Cycles that a word takes."""
        return self._lanes // self._requantizers

    def elaborate(self, platform):
        m = Module()
        m.submodules.requantizer = requantizer = Requantizer(
            lanes=self._requantizers, tag_shape=self._tag_shape
        )
        if self.parts == 1:
            connect(m, flipped(self.i), requantizer.i)
            connect(m, requantizer.o, flipped(self.o))
            return m

        size, last = self._requantizers, self.parts - 1
        i, o = requantizer.i, requantizer.o

        part = Signal(range(self.parts))
        m.d.comb += [
            i.valid.eq(self.i.valid),
            i.p.output.eq(self.i.p.output),
            i.p.tag.eq(self.i.p.tag),
            self.i.ready.eq(i.ready & (part == last)),
        ]
        with m.If(i.valid & i.ready):
            m.d.sync += part.eq(Mux(part == last, 0, part + 1))
        with m.Switch(part):
            for index in range(self.parts):
                with m.Case(index):
                    for lane in range(size):
                        source = index * size + lane
                        m.d.comb += i.p.acc[lane].eq(self.i.p.acc[source])
                        for name in ("bias", "multiplier", "shift"):
                            m.d.comb += i.p.scale[name][lane].eq(self.i.p.scale[name][source])

        # All parts but the last are kept; that one goes out with them.
        done = Signal(range(self.parts))
        kept = Signal(8 * size * last)
        with m.If(done == last):
            m.d.comb += [self.o.valid.eq(o.valid), o.ready.eq(self.o.ready)]
        with m.Else():
            m.d.comb += o.ready.eq(1)
        with m.If(o.valid & o.ready):
            m.d.sync += done.eq(Mux(done == last, 0, done + 1))
            with m.If(done != last):
                m.d.sync += kept.eq(Cat(kept[8 * size :], o.p.data))
        m.d.comb += [
            self.o.p.data.eq(Cat(kept, o.p.data)),
            self.o.p.tag.eq(o.p.tag),
        ]
        return m
