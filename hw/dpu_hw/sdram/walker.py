# SPDX-License-Identifier: Apache-2.0
"""From bursts of the bus to the rows and columns of the chip, looking one row ahead."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.choose import choose
from dpu_hw.sdram.layouts import burst_layout, candidate_layout, segment_layout

__all__ = ["Walker"]


class Walker(wiring.Component):
    """Cut bursts into segments within rows and walk along them beat by beat.

    Parameters
    ----------
    shape : :class:`~dpu_hw.sdram.layouts.Shape`

    Members
    -------
    i : :py:`In(stream.Signature(burst_layout(shape)))`
        Bursts.
    open : :py:`In(shape.banks)`
        Banks with an open row.
    rows : :py:`In(shape.chip.row_bits).array(shape.banks)`
        Which row that is.
    closing : :py:`In(shape.banks)`
        Banks that are closed in this cycle.
    take : :py:`In(1)`
        The present beat is read or written in this cycle; at most every second cycle.
    now, next : :py:`Out(candidate_layout(shape))`
        The row of the present beat, and the row after it.
    column : :py:`Out(shape.column_bits)`
        The present beat in its row.
    last : :py:`Out(1)`
        The present beat ends its burst.
    outside : :py:`Out(1)`
        Its burst lies outside the chip.
    """

    def __init__(self, *, shape):
        self._shape = shape
        super().__init__(
            {
                "i": In(stream.Signature(burst_layout(shape))),
                "open": In(shape.banks),
                "rows": In(shape.chip.row_bits).array(shape.banks),
                "closing": In(shape.banks),
                "take": In(1),
                "now": Out(candidate_layout(shape)),
                "next": Out(candidate_layout(shape)),
                "column": Out(shape.column_bits),
                "last": Out(1),
                "outside": Out(1),
            }
        )

    def _find(self, m, platform, slot, name):
        """Return hit, miss and closed of a slot."""
        is_open = Signal(name=f"{name}_open")
        same = Signal(name=f"{name}_same")
        steady = Signal(name=f"{name}_steady")
        m.d.comb += [
            is_open.eq(self.open.bit_select(slot.bank, 1)),
            same.eq(choose(m, slot.bank, self.rows, platform) == slot.row),
            steady.eq(slot.valid & ~self.closing.bit_select(slot.bank, 1)),
        ]
        return Cat(steady & is_open & same, steady & is_open & ~same, steady & ~is_open)

    def elaborate(self, platform):
        m = Module()
        shape = self._shape
        burst = self.i.payload

        # The part of the burst that isn't cut yet.
        active = Signal()
        place = Signal(shape.place_bits)
        first = Signal(shape.column_bits)
        end = Signal(shape.column_bits)
        more_rows = Signal(max(1, 9 - shape.column_bits))
        outside = Signal()
        step = Signal()
        final = Signal()
        m.d.comb += [final.eq(more_rows == 0), self.i.ready.eq(~active | (step & final))]
        with m.If(step):
            m.d.sync += [place.eq(place + 1), first.eq(0), more_rows.eq(more_rows - 1)]
        with m.If(self.i.ready):
            m.d.sync += [
                active.eq(self.i.valid),
                Cat(first, place).eq(burst.beat),
                Cat(end, more_rows).eq(burst.beat[: shape.column_bits] + burst.more),
                outside.eq(burst.outside),
            ]
        segment = Signal(segment_layout(shape))
        m.d.comb += [
            Cat(segment.bank, segment.row).eq(place),
            segment.first.eq(first),
            segment.last.eq(Mux(final, end, ~C(0, shape.column_bits))),
            segment.final.eq(final),
            segment.outside.eq(outside),
        ]

        # Two places: the present segment and the one after it.
        ahead = Signal(segment_layout(shape))
        present = Signal(segment_layout(shape))
        advance = Signal()
        shift = Signal()
        load = Signal()
        m.d.comb += [
            advance.eq(self.take & (self.column == present.last)),
            shift.eq(advance | ~self.now.valid),
            load.eq(shift | ~self.next.valid),
            step.eq(load & active),
            self.last.eq((self.column == present.last) & present.final),
            self.outside.eq(present.outside),
        ]
        for slot, part in ((self.now, present), (self.next, ahead)):
            m.d.comb += [slot.bank.eq(part.bank), slot.row.eq(part.row)]
        with m.If(load):
            m.d.sync += [self.next.valid.eq(active), ahead.eq(segment)]
        with m.If(self.take):
            m.d.sync += self.column.eq(self.column + 1)
        with m.If(shift):
            m.d.sync += [
                self.now.valid.eq(self.next.valid),
                present.eq(ahead),
                self.column.eq(ahead.first),
            ]

        # What is known of the rows moves along with them.
        now_found = self._find(m, platform, self.now, "now")
        next_found = self._find(m, platform, self.next, "next")
        now_known = Cat(self.now.hit, self.now.miss, self.now.closed)
        next_known = Cat(self.next.hit, self.next.miss, self.next.closed)
        m.d.sync += [
            now_known.eq(Mux(shift, next_found, now_found)),
            next_known.eq(Mux(shift, 0, next_found)),
        ]
        return m
