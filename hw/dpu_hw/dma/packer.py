# SPDX-License-Identifier: Apache-2.0
"""From words to beats."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.dma.gather import gathered_layout
from dpu_hw.dma.layouts import strobed_layout
from dpu_hw.dma.shift import rotate_up

__all__ = ["Packer"]


class Packer(wiring.Component):
    """Join the bytes of words into beats, with strobes for those that a run doesn't fill.

    A word is first rotated to its place, from which it may reach over several beats; each cycle
    then puts out one beat, and keeps the rest that doesn't fill one.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    data_bytes : :class:`int`
        Bytes of a beat.

    Members
    -------
    i : :py:`In(stream.Signature(gathered_layout(lanes=lanes, data_bytes=data_bytes)))`
        Words, and their places in the beats.
    o : :py:`Out(stream.Signature(strobed_layout(data_bytes=data_bytes)))`
        Beats, one a cycle at most, from the second cycle after the word that fills them on.
    """

    def __init__(self, *, lanes, data_bytes):
        self._lanes = lanes
        self._data_bytes = data_bytes
        super().__init__(
            {
                "i": In(
                    stream.Signature(gathered_layout(lanes=lanes, data_bytes=data_bytes)),
                ),
                "o": Out(stream.Signature(strobed_layout(data_bytes=data_bytes))),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def data_bytes(self):
        """Bytes of a beat."""
        return self._data_bytes

    def elaborate(self, platform):
        m = Module()
        size = self._data_bytes
        low = exact_log2(size)
        total = self._lanes + size

        # First stage: the word at its place, and how many beats it completes. What reaches beyond
        # as many bytes as a word or a beat has comes round to the lowest ones.
        place = Signal(8 * max(self._lanes, size), reset_less=True)
        mask = Signal(total, reset_less=True)
        beats = Signal(range(-(-(total - 1) // size) + 1))
        keeps = Signal()
        valid = Signal()
        finish = Signal()
        word = self.i.payload
        padded = Signal.like(place)
        reach = Signal(range(total + 1))
        ones = Signal(self._lanes)
        m.d.comb += [
            padded.eq(word.data.as_value().as_unsigned()),
            reach.eq(word.position + word.bytes),
            ones.eq((C(1, self._lanes + 1) << word.bytes) - 1),
            self.i.ready.eq(finish | ~valid),
        ]
        with m.If(self.i.ready):
            m.d.sync += valid.eq(self.i.valid)
        free = self.o.ready | ~self.o.valid
        # A word that completes further beats goes on to the next of them; only another is replaced.
        # So whether it is replaced now, which is known late, chooses no data.
        with m.If(valid & (beats > 1)):
            with m.If(free):
                m.d.sync += [
                    place.eq(place.rotate_right(8 * size)),
                    mask.eq(mask >> size),
                    beats.eq(beats - 1),
                ]
        with m.Elif(self.i.ready):
            m.d.sync += [
                place.eq(rotate_up(padded, word.position)),
                mask.eq(ones << word.position),
                beats.eq(reach[low:] + (word.end & reach[:low].any())),
                keeps.eq(~word.end & reach[:low].any()),
            ]

        # Second stage: what an incomplete beat holds so far is filled up.
        kept = Signal(8 * size, reset_less=True)
        kept_mask = Signal(size)
        beat = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(beat)

        data, strobe = place[: 8 * size], mask[:size]
        # What follows this beat: the same bytes, if a word has no more than a beat.
        rest = place.rotate_right(8 * size)[: 8 * size]
        merged = Cat(
            Mux(strobe[byte], data.word_select(byte, 8), kept.word_select(byte, 8))
            for byte in range(size)
        )
        merged_mask = mask[:size] | kept_mask
        final = Signal()
        m.d.comb += final.eq(beats == 1)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(valid):
            with m.If(beats == 0):
                m.d.comb += finish.eq(1)
                m.d.sync += kept_mask.eq(merged_mask)
            with m.Elif(free):
                m.d.comb += finish.eq(final)
                m.d.sync += [
                    self.o.valid.eq(1),
                    beat.data.as_value().eq(merged),
                    beat.strobe.eq(merged_mask),
                    kept_mask.eq(Mux(final & keeps, mask[size : 2 * size], 0)),
                ]
        # Each byte has its enable, which needs no logic for its data where both are the same.
        for byte in range(size):
            with m.If(valid & Mux(beats == 0, strobe[byte], free)):
                m.d.sync += kept.word_select(byte, 8).eq(
                    Mux(beats == 0, data.word_select(byte, 8), rest.word_select(byte, 8))
                )
        return m
