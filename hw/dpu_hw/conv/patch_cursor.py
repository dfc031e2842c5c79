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
    arrived : :py:`In(1)`
        A word comes into the window.
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
                "arrived": In(1),
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
        now = Signal.like(segment)
        height = Signal.like(patch.height)
        stride_y = Signal.like(patch.stride_y)
        step = Signal.like(patch.step)

        # Of the present pixel.
        position = Signal(POSITION)
        above = Signal(POSITION)
        inside = Signal(POSITION)
        # Of the present row: words that are read of it, the running number of its first word, and
        # how many words have come since.
        words = Signal.like(segment.words)
        origin = Signal(SEQUENCE_BITS)
        have = Signal(SEQUENCE_BITS)

        need = Signal(signed(POSITION.width - word_bits))
        m.d.comb += [
            need.eq(above >> word_bits),
            # Words outside the row are never waited for.
            self.present.eq((need <= 0) | (have >= words) | (have >= need.as_unsigned())),
        ]

        y = Signal.like(segment.y)
        row_done = Signal()
        m.d.comb += [y.eq(now.y + stride_y), row_done.eq(self.advance & self.row_end)]
        m.d.sync += have.eq(have + self.arrived - Mux(row_done, words, 0))
        with m.If(self.advance):
            m.d.sync += [
                position.eq(position + step),
                above.eq(above + step),
                inside.eq(inside - step),
            ]
            with m.If(self.row_end):
                m.d.sync += [
                    position.eq(now.position),
                    above.eq(now.above),
                    inside.eq(now.inside),
                    now.y.eq(y),
                    words.eq(Mux(y.as_unsigned() < height, now.words, 0)),
                    origin.eq(origin + words),
                ]
        with m.If(self.start):
            m.d.sync += [
                now.eq(segment),
                height.eq(patch.height),
                stride_y.eq(patch.stride_y),
                step.eq(patch.step),
                position.eq(segment.position),
                above.eq(segment.above),
                inside.eq(segment.inside),
                words.eq(Mux(segment.y.as_unsigned() < patch.height, segment.words, 0)),
            ]

        # Lanes whose byte is in the row. `words` is zero for a row outside the input, too.
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
        low = Signal(POSITION)
        low_word = Signal(signed(POSITION.width - word_bits))
        m.d.comb += [low.eq(position + now.first), low_word.eq(low >> word_bits)]
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
                self.cut.mask.eq(Mux(words != 0, now.mask & before & after, 0)),
            ]
        m.d.sync += self.freed.eq(origin_1 + unused)
        return m
