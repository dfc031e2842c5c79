# SPDX-License-Identifier: Apache-2.0
"""The lanes of a column, part by part."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.choose import choose
from dpu_hw.depthwise.layouts import ROWS, column_layout, column_tag_layout, window_layout
from dpu_hw.layouts import word_layout

__all__ = ["ColumnParts"]


class ColumnParts(wiring.Component):
    """Hold a column and hand out its lanes as the instruction maps them, a part in each cycle.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    parts : :class:`int`
        Parts of a word; divides ``lanes``.

    Members
    -------
    i : :py:`In(stream.Signature(column_layout(lanes)))`
        Columns, each taken when the last part of the one before is.
    context : :py:`In(window_layout(lanes))`
        What the instruction says of them.
    advance : :py:`In(1)`
        Take another part, if there is one.
    usable : :py:`In(1)`
        The instruction and its weights are there, so parts may be taken.
    next_part : :py:`Out(range(parts))`
        The part that is taken next.
    next_tag : :py:`Out(column_tag_layout())`
        Of its column.
    ends : :py:`Out(1)`
        The last part of a column is taken.
    waits : :py:`Out(1)`
        There is a column of which no part has been taken, nor is.
    valid : :py:`Out(1)`
        A part was taken in the last cycle with :py:`advance`.
    part, tag : :py:`Out(range(parts))`, :py:`Out(column_tag_layout())`
        Which one, and what its column is for.
    words : :py:`Out(data.ArrayLayout(word_layout(lanes // parts), 3))`
        Its lanes in each row, the zero point where that lies outside.
    """

    def __init__(self, *, lanes, parts):
        if not isinstance(parts, int) or parts <= 0 or lanes % parts:
            raise ValueError(f"Parts must divide {lanes} lanes, not {parts!r}")
        self._lanes = lanes
        self._parts = parts
        super().__init__(
            {
                "i": In(stream.Signature(column_layout(lanes))),
                "context": In(window_layout(lanes)),
                "advance": In(1),
                "usable": In(1),
                "next_part": Out(range(parts)),
                "next_tag": Out(column_tag_layout()),
                "ends": Out(1),
                "waits": Out(1),
                "valid": Out(1),
                "part": Out(range(parts)),
                "tag": Out(column_tag_layout()),
                "words": Out(data.ArrayLayout(word_layout(lanes // parts), ROWS)),
            }
        )

    @property
    def lanes(self):
        """Lanes of a word."""
        return self._lanes

    @property
    def parts(self):
        """Parts of a word."""
        return self._parts

    def elaborate(self, platform):
        m = Module()
        holds = Signal()
        column = Signal(column_layout(self._lanes), reset_less=True)
        # What is held and handed out needs no reset: `holds` and `valid` tell when it matters.
        words = Signal(self.words.shape(), reset_less=True)
        m.d.comb += self.words.eq(words)
        last = Signal()
        takes = Signal()
        m.d.comb += [
            last.eq(self.next_part == self._parts - 1),
            takes.eq(self.advance & self.usable),
            self.ends.eq(takes & holds & last),
            self.waits.eq(holds & (self.next_part == 0) & ~takes),
            self.i.ready.eq(~holds | self.ends),
            self.next_tag.eq(column.tag),
        ]
        # Whatever comes is loaded, so that many registers wait for a short decision only.
        with m.If(self.i.ready):
            m.d.sync += [holds.eq(self.i.valid), column.eq(self.i.payload)]
        with m.If(takes & holds):
            m.d.sync += self.next_part.eq(Mux(last, 0, self.next_part + 1))
        with m.If(self.advance):
            m.d.sync += [
                self.valid.eq(holds & self.usable),
                self.part.eq(self.next_part),
                self.tag.eq(column.tag),
            ]
            lanes = self._lanes // self._parts
            for lane in range(lanes):
                lane_maps = [self.context.lane_map[n] for n in range(lane, self._lanes, lanes)]
                choice = Signal(range(self._lanes), name=f"choice_{lane}")
                m.d.comb += choice.eq(choose(m, self.next_part, lane_maps, platform))
                for k in range(ROWS):
                    mapped = choose(m, choice, list(column.words[k]), platform)
                    m.d.sync += words[k][lane].eq(
                        Mux(column.inside[k], mapped, self.context.zero_point)
                    )
        return m
