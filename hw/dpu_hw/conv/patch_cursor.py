# SPDX-License-Identifier: Apache-2.0
"""Where one segment of a CONV_PATCH stands in its rows."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.conv.layouts import POSITION, SEQUENCE_BITS, patch_layout

__all__ = ["PatchCursor", "cut_layout"]


def cut_layout(lanes, slots):
    """Return the layout of what a pixel takes out of the window.

    ``slot`` holds the word of lane 0, ``shift`` is its byte there, ``mask`` are the lanes that the
    segment fills.
    """
    return data.StructLayout({"slot": range(slots), "shift": range(lanes), "mask": lanes})


class PatchCursor(wiring.Component):
    """Follow a segment from pixel to pixel: tell whether its bytes have come, where they are in
    the window, and which words the window doesn't need any more.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    segment : :class:`int`
        Which segment.
    slots : :class:`int`
        Words in the window.

    Members
    -------
    patch : :py:`In(patch_layout(lanes))`
        Prepared instruction.
    start : :py:`In(1)`
        Take it.
    fresh : :py:`In(1)`
        The next row is the first of the next instruction: there is none, or its last row has come.
    idle : :py:`In(1)`
        There is no instruction.
    coming : :py:`In(1)`
        A word comes into the window in the next cycle.
    present : :py:`Out(1)`
        All bytes of the present pixel are there.
    move : :py:`In(1)`
        The window's stages go on.
    advance : :py:`In(1)`
        Go on to the next pixel; only with ``move``.
    row_end : :py:`In(1)`
        The present pixel is the last of its row.
    cut : :py:`Out(cut_layout(lanes, slots))`
        What the pixel before takes; changes with ``advance`` only.
    freed : :py:`Out(16)`
        Running number of the first word that this or a later pixel needs.
    """

    def __init__(self, *, lanes, segment, slots):
        self._lanes = lanes
        self._segment = segment
        self._slots = slots
        exact_log2(slots)
        super().__init__(
            {
                "patch": In(patch_layout(lanes)),
                "start": In(1),
                "fresh": In(1),
                "idle": In(1),
                "coming": In(1),
                "present": Out(1),
                "move": In(1),
                "advance": In(1),
                "row_end": In(1),
                "cut": Out(cut_layout(lanes, slots)),
                "freed": Out(SEQUENCE_BITS),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def segment(self):
        """Which segment."""
        return self._segment

    @property
    def slots(self):
        """Words in the window."""
        return self._slots

    def elaborate(self, platform):
        m = Module()
        lanes, word_bits = self._lanes, exact_log2(self._lanes)
        patch = self.patch
        segment = patch.segments[self._segment]
        now = Signal.like(segment, reset_less=True)
        height = Signal.like(patch.height, reset_less=True)
        stride_y = Signal.like(patch.stride_y, reset_less=True)
        step = Signal.like(patch.step, reset_less=True)

        # Of the present pixel; and of the next, if it is in the same row.
        position = Signal(POSITION, reset_less=True)
        first = Signal(POSITION, reset_less=True)
        above = Signal(POSITION, reset_less=True)
        next_above = Signal(POSITION, reset_less=True)
        inside = Signal(POSITION, reset_less=True)
        # Of the present row: words that are read of it, the running number of its first word, and
        # how many words have come up to this cycle: besides, how many of those are of later rows,
        # or are still to come where that is negative.
        words = Signal.like(segment.words)
        some = Signal()  # words != 0
        origin = Signal(SEQUENCE_BITS)
        have = Signal(SEQUENCE_BITS)
        beyond = Signal(signed(SEQUENCE_BITS + 1))

        # Whether all bytes of a pixel are there is found out a cycle ahead, for each pixel that may
        # be the present one then, as all that moves waits for it. Words outside the row are never
        # waited for.
        renew = Signal()  # a row begins
        begun = Signal(signed(SEQUENCE_BITS + 1))  # words that have come of the row that may begin
        row_above = Signal(POSITION)
        row_words = Signal.like(words)
        row_beyond = Signal(signed(SEQUENCE_BITS + 2))
        m.d.comb += [
            renew.eq(self.start | (self.advance & self.row_end)),
            begun.eq(Mux(self.idle, have, beyond)),
            row_beyond.eq(begun - row_words),
        ]
        with m.If(self.fresh):
            m.d.comb += [
                row_above.eq(segment.above),
                row_words.eq(Mux(segment.inside_y, segment.words, 0)),
            ]
        with m.Else():
            m.d.comb += [
                row_above.eq(now.above),
                row_words.eq(Mux(now.inside_next_y, now.words, 0)),
            ]
        row_present, next_present, still_present = Signal(), Signal(), Signal()
        m.d.comb += [
            row_present.eq((begun >= row_above >> word_bits) | (row_beyond >= 0)),
            next_present.eq((have >= next_above >> word_bits) | (beyond >= 0)),
            still_present.eq((have >= above >> word_bits) | (beyond >= 0)),
        ]
        m.d.sync += [
            self.present.eq(
                Mux(renew, row_present, Mux(self.advance, next_present, still_present))
            ),
            have.eq(Mux(renew, begun, have) + self.coming),
            beyond.eq(Mux(renew, row_beyond, beyond) + self.coming),
        ]

        next_y = Signal.like(now.next_y)
        m.d.comb += next_y.eq(now.next_y + stride_y)
        with m.If(self.advance):
            m.d.sync += [
                position.eq(position + step),
                first.eq(first + step),
                above.eq(next_above),
                next_above.eq(next_above + step),
                inside.eq(inside - step),
            ]
            with m.If(self.row_end):
                m.d.sync += [
                    position.eq(now.position),
                    first.eq(now.first),
                    above.eq(now.above),
                    next_above.eq(now.next_above),
                    inside.eq(now.inside),
                    now.next_y.eq(next_y),
                    now.inside_next_y.eq(next_y.as_unsigned() < height),
                    origin.eq(origin + words),
                ]
        with m.If(self.start):
            m.d.sync += [
                now.eq(segment),
                height.eq(patch.height),
                stride_y.eq(patch.stride_y),
                step.eq(patch.step),
                position.eq(segment.position),
                first.eq(segment.first),
                above.eq(segment.above),
                next_above.eq(segment.next_above),
                inside.eq(segment.inside),
            ]
        with m.If(renew):
            m.d.sync += [words.eq(row_words), some.eq(row_words != 0)]

        # Lanes whose byte is in the row. There are no words of a row outside the input either.
        shift = position[:word_bits]
        before = Signal(lanes)  # lane >= -position
        with m.If(position >= 0):
            m.d.comb += before.eq(~0)
        with m.Elif((position >> word_bits) == -1):
            m.d.comb += before.eq(Cat(lane + shift >= lanes for lane in range(lanes)))
        after = Signal(lanes)  # lane < inside
        with m.If((inside >> word_bits) > 0):
            m.d.comb += after.eq(~0)
        with m.Elif((inside >> word_bits) == 0):
            m.d.comb += after.eq(Cat(lane < inside[:word_bits] for lane in range(lanes)))

        # What is free counts from the pixel in the window's first stage, which may wait there, or
        # from the present one if there is none: that may need words far behind.
        low_word = Signal(signed(POSITION.width - word_bits))
        m.d.comb += low_word.eq(first >> word_bits)
        unused = Signal.like(words)
        origin_1 = Signal.like(origin)
        with m.If(self.move):
            m.d.sync += [
                origin_1.eq(origin),
                unused.eq(
                    Mux(low_word < 0, 0, Mux(low_word.as_unsigned() > words, words, low_word))
                ),
            ]
        with m.If(self.advance):
            m.d.sync += [
                self.cut.slot.eq(origin + (position >> word_bits)),
                self.cut.shift.eq(shift),
                self.cut.mask.eq(Mux(some, now.mask & before & after, 0)),
            ]
        m.d.sync += self.freed.eq(origin_1 + unused)
        return m
