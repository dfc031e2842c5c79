# SPDX-License-Identifier: Apache-2.0
"""The multipliers: a window of three by three on every lane."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.choose import choose
from dpu_hw.depthwise.column_parts import ColumnParts
from dpu_hw.depthwise.layouts import (
    ROWS,
    TAPS,
    WINDOW_SUM,
    column_layout,
    window_layout,
    window_sum_layout,
)
from dpu_hw.layouts import word_layout
from dpu_hw.multiplier_pair import RegisteredMultiplierPair, pairs_products
from dpu_hw.registered_multiplier import RegisteredMultiplier

__all__ = ["Window"]

#: Columns of a window, each with a weight in every row.
_COLUMNS = TAPS // ROWS
_MIDDLE = 1


class Window(wiring.Component):
    """Slide a window over columns, one a cycle at most.

    A column's products with the first column of weights begin a sum, those with the second are
    added to the sum that a column before began, those with the third complete the sum of an earlier
    one. So no window of words has to be kept. Neighbouring pixels share columns, each of which
    meets all nine weights at once. Pixels further apart have a column of their own in the middle,
    which meets the second column of weights while the others are busy with the column before or
    after it.

    Lanes may be fewer than a word has. Then every column takes several cycles, a part of the word
    in each.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    parts : :class:`int`
        Parts of a word; divides ``lanes``.
    logic_multipliers : :class:`int`
        How many of the multipliers are built from logic: those of the second column of weights
        first, then the others, lane by lane. A DSP block that holds two products takes those of
        the outer columns, which share an operand.

    Members
    -------
    context : :py:`In(stream.Signature(window_layout(lanes)))`
        Instructions, each taken with its last column.
    weights : :py:`In(stream.Signature(data.ArrayLayout(word_layout(lanes), 9)))`
        Weights of blocks, row by row, each taken with the block's last column.
    i : :py:`In(stream.Signature(column_layout(lanes)))`
        Columns.
    o : :py:`Out(stream.Signature(window_sum_layout(lanes // parts)))`
        Sums of the columns that are marked as pixels, part by part, :attr:`latency` cycles later.
    """

    latency = 5

    def __init__(self, *, lanes, parts, logic_multipliers):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        if not isinstance(parts, int) or parts <= 0 or lanes % parts:
            raise ValueError(f"Parts must divide {lanes} lanes, not {parts!r}")
        if not 0 <= logic_multipliers <= TAPS * lanes // parts:
            raise ValueError(
                f"There are {TAPS * lanes // parts} multipliers, not {logic_multipliers!r}"
            )
        self._lanes = lanes
        self._parts = parts
        self._logic_multipliers = logic_multipliers
        super().__init__(
            {
                "context": In(stream.Signature(window_layout(lanes))),
                "weights": In(stream.Signature(data.ArrayLayout(word_layout(lanes), TAPS))),
                "i": In(stream.Signature(column_layout(lanes))),
                "o": Out(stream.Signature(window_sum_layout(lanes // parts))),
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

    @property
    def logic_multipliers(self):
        """How many of the multipliers are built from logic."""
        return self._logic_multipliers

    def _is_logic(self, lane, tap):
        row, column = divmod(tap, _COLUMNS)
        if column == _MIDDLE:
            return lane * ROWS + row < self._logic_multipliers
        outer = _COLUMNS - 1
        place = ROWS * self._lanes // self._parts + (lane * ROWS + row) * outer + column // outer
        return place < self._logic_multipliers

    def _products(self, m, lane, columns, weights, advance, paired):
        """Return the products of a lane, in the order of the taps."""
        products = {}
        for tap in range(TAPS):
            row, column = divmod(tap, _COLUMNS)
            if tap in products:
                continue  # made with an earlier one
            last = tap + _COLUMNS - 1
            if paired and column == 0 and not self._is_logic(lane, last):
                m.submodules[f"pair_{lane}_{tap}"] = pair = RegisteredMultiplierPair(
                    sum_shape=signed(16)
                )
                m.d.comb += [
                    pair.shared.eq(columns[column].words[row][lane]),
                    pair.factors[0].eq(weights[tap][lane]),
                    pair.factors[1].eq(weights[last][lane]),
                    pair.enable.eq(advance),
                ]
                products[tap], products[last] = pair.lower, pair.upper
                continue
            m.submodules[f"multiplier_{lane}_{tap}"] = multiplier = RegisteredMultiplier(
                a_shape=signed(8), b_shape=signed(8), logic=self._is_logic(lane, tap)
            )
            m.d.comb += [
                multiplier.a.eq(columns[column].words[row][lane]),
                multiplier.b.eq(weights[tap][lane]),
                multiplier.enable.eq(advance),
            ]
            products[tap] = multiplier.o
        return [products[tap] for tap in range(TAPS)]

    def elaborate(self, platform):
        m = Module()
        parts = self._parts
        lanes = self._lanes // parts

        # Readiness comes from a queue's register, and everything from here on moves with it.
        advance = Signal()
        usable = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            usable.eq(self.context.valid & self.weights.valid),
        ]

        # Where a word has one part, a column takes one place for one cycle. Else it goes to each
        # place that it is for, to both at once; and to one of them only after the other's column,
        # the one before, has begun. From then on they stay in step.
        m.submodules.outer = outer = ColumnParts(lanes=self._lanes, parts=parts)
        middle = outer
        meets_outer = outer.valid & outer.tag.outer
        meets_middle = outer.valid & outer.tag.middle
        tag = self.i.p.tag
        if parts == 1:
            places = (outer,)
            m.d.comb += [outer.i.valid.eq(self.i.valid), self.i.ready.eq(outer.i.ready)]
        else:
            m.submodules.middle = middle = ColumnParts(lanes=self._lanes, parts=parts)
            meets_outer, meets_middle = outer.valid, middle.valid
            places = (outer, middle)
            outer_ready = Mux(tag.outer, outer.i.ready, ~outer.waits)
            middle_ready = Mux(tag.middle, middle.i.ready, ~middle.waits)
            m.d.comb += [
                outer.i.valid.eq(self.i.valid & tag.outer & middle_ready),
                middle.i.valid.eq(self.i.valid & tag.middle & outer_ready),
                self.i.ready.eq(outer_ready & middle_ready),
            ]
        for place in places:
            m.d.comb += [
                place.i.payload.eq(self.i.payload),
                place.context.eq(self.context.p),
                place.advance.eq(advance),
                place.usable.eq(usable),
            ]
        # Instructions and weights change without a pause: an outer column is the first to need
        # them, and the last.
        ends = outer.ends & outer.next_tag.pixel
        m.d.comb += [
            self.context.ready.eq(ends & outer.next_tag.flags.end),
            self.weights.ready.eq(ends & outer.next_tag.flags.block_end),
        ]

        # Weights of a part, as it is taken. Columns of the window are those of these places.
        columns = (outer, middle, outer)
        weights = Signal(data.ArrayLayout(word_layout(lanes), TAPS), reset_less=True)
        with m.If(advance):
            for tap in range(TAPS):
                part = columns[tap % _COLUMNS].next_part
                for lane in range(lanes):
                    choices = self.weights.p[tap][lane::lanes]
                    m.d.sync += weights[tap][lane].eq(choose(m, part, choices, platform))

        # What goes along with products and sums of columns: whether there are any, and of what.
        def delayed(name, source):
            for stage in ("product", "sum"):
                value = Signal.like(source, name=f"{stage}_{name}")
                with m.If(advance):
                    m.d.sync += value.eq(source)
                source = value
                yield value

        product_outer, sum_outer = delayed("outer", meets_outer)
        product_middle, sum_middle = delayed("middle", meets_middle)
        _, outer_part = delayed("outer_part", outer.part)
        _, middle_part = delayed("middle_part", middle.part)
        _, sum_tag = delayed("tag", outer.tag)

        paired = pairs_products(platform)
        for lane in range(lanes):
            products = self._products(m, lane, columns, weights, advance, paired)

            # Sums of a column with each column of weights, then along the columns.
            sums = [
                Signal(signed(18), name=f"column_sum_{lane}_{k}", reset_less=True)
                for k in range(_COLUMNS)
            ]
            for k, met in enumerate((product_outer, product_middle, product_outer)):
                with m.If(advance & met):
                    m.d.sync += sums[k].eq(sum(products[k::_COLUMNS]))
            begun = Array(
                Signal(signed(18), name=f"begun_{lane}_{p}", reset_less=True) for p in range(parts)
            )
            continued = Array(
                Signal(WINDOW_SUM, name=f"continued_{lane}_{p}", reset_less=True)
                for p in range(parts)
            )
            total = Signal(WINDOW_SUM, name=f"total_{lane}", reset_less=True)
            m.d.comb += self.o.p.sums[lane].eq(total)
            with m.If(advance & sum_outer):
                m.d.sync += [
                    begun[outer_part].eq(sums[0]),
                    total.eq(continued[outer_part] + sums[2]),
                ]
            with m.If(advance & sum_middle):
                m.d.sync += continued[middle_part].eq(begun[middle_part] + sums[1])

        with m.If(advance):
            m.d.sync += self.o.valid.eq(sum_outer & sum_tag.pixel)
            with m.If(sum_outer):
                m.d.sync += [
                    self.o.p.word_end.eq(outer_part == parts - 1),
                    self.o.p.flags.eq(sum_tag.flags),
                ]
        return m
