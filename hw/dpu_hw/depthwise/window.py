# SPDX-License-Identifier: Apache-2.0
"""The multipliers: a window of three by three on every lane."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import (
    ROWS,
    TAPS,
    WINDOW_SUM,
    column_layout,
    flags_layout,
    window_layout,
    window_sum_layout,
)
from dpu_hw.layouts import word_layout
from dpu_hw.multiplier_pair import RegisteredMultiplierPair, pairs_products
from dpu_hw.registered_multiplier import RegisteredMultiplier

__all__ = ["Window"]

#: Columns of a window, each with a weight in every row.
_COLUMNS = TAPS // ROWS


class Window(wiring.Component):
    """Slide a window over columns, one a cycle.

    Every column meets all nine weights at once: its products with the first column of weights begin
    a sum, those with the second are added to the sum that the column before began, those with the
    third complete the sum that began two columns ago. So no window of words has to be kept.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    logic_multipliers : :class:`int`
        How many of the multipliers are built from logic: those of the last column of weights
        first, then the others, lane by lane. A DSP block that holds two products takes those of
        the first two columns, which share an operand.

    Members
    -------
    context : :py:`In(stream.Signature(window_layout(lanes)))`
        Instructions, each taken with its last column.
    weights : :py:`In(stream.Signature(data.ArrayLayout(word_layout(lanes), 9)))`
        Weights of blocks, row by row, each taken with the block's last column.
    i : :py:`In(stream.Signature(column_layout(lanes)))`
        Columns.
    o : :py:`Out(stream.Signature(window_sum_layout(lanes)))`
        Sums of the columns that are marked as pixels, :attr:`latency` cycles later.
    """

    latency = 4

    def __init__(self, *, lanes, logic_multipliers):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        if not 0 <= logic_multipliers <= TAPS * lanes:
            raise ValueError(f"There are {TAPS * lanes} multipliers, not {logic_multipliers!r}")
        self._lanes = lanes
        self._logic_multipliers = logic_multipliers
        super().__init__(
            {
                "context": In(stream.Signature(window_layout(lanes))),
                "weights": In(stream.Signature(data.ArrayLayout(word_layout(lanes), TAPS))),
                "i": In(stream.Signature(column_layout(lanes))),
                "o": Out(stream.Signature(window_sum_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Lanes of a word."""
        return self._lanes

    @property
    def logic_multipliers(self):
        """How many of the multipliers are built from logic."""
        return self._logic_multipliers

    def _is_logic(self, lane, tap):
        row, column = divmod(tap, _COLUMNS)
        last = _COLUMNS - 1
        if column == last:
            return lane * ROWS + row < self._logic_multipliers
        place = ROWS * self._lanes + lane * ROWS * last + row * last + column
        return place < self._logic_multipliers

    def _products(self, m, lane, operands, multiply, paired):
        """Return the products of a lane, in the order of the taps."""
        products = []
        for tap in range(TAPS):
            operand = operands[tap // _COLUMNS][lane]
            weight = self.weights.p[tap][lane]
            column = tap % _COLUMNS
            if paired and column == 1 and not self._is_logic(lane, tap):
                continue  # made with the one before
            if paired and column == 0 and not self._is_logic(lane, tap + 1):
                m.submodules[f"pair_{lane}_{tap}"] = pair = RegisteredMultiplierPair(
                    sum_shape=signed(16)
                )
                m.d.comb += [
                    pair.shared.eq(operand),
                    pair.factors[0].eq(weight),
                    pair.factors[1].eq(self.weights.p[tap + 1][lane]),
                    pair.enable.eq(multiply),
                ]
                products += [pair.lower, pair.upper]
                continue
            m.submodules[f"multiplier_{lane}_{tap}"] = multiplier = RegisteredMultiplier(
                a_shape=signed(8), b_shape=signed(8), logic=self._is_logic(lane, tap)
            )
            m.d.comb += [
                multiplier.a.eq(operand),
                multiplier.b.eq(weight),
                multiplier.enable.eq(multiply),
            ]
            products.append(multiplier.o)
        return products

    def elaborate(self, platform):
        m = Module()
        lanes = self._lanes

        advance = Signal()
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)

        # Operands: lanes as the instruction maps them, or the border.
        operand_valid = Signal()
        operands = Signal(data.ArrayLayout(word_layout(lanes), ROWS))
        operand_pixel = Signal()
        operand_flags = Signal(flags_layout())
        multiply = Signal()
        take = Signal()
        vacant = Signal()
        m.d.comb += [
            vacant.eq(~operand_valid | multiply),
            self.i.ready.eq(vacant & self.context.valid),
            take.eq(self.i.valid & self.i.ready),
            self.context.ready.eq(take & self.i.p.pixel & self.i.p.flags.end),
        ]
        context = self.context.p
        with m.If(multiply):
            m.d.sync += operand_valid.eq(0)
        with m.If(take):
            m.d.sync += [
                operand_valid.eq(1),
                operand_pixel.eq(self.i.p.pixel),
                operand_flags.eq(self.i.p.flags),
            ]
        # Whatever comes is loaded, so that many registers wait for a short decision only.
        with m.If(vacant):
            for k in range(ROWS):
                for lane in range(lanes):
                    mapped = self.i.p.words[k][context.lane_map[lane]]
                    m.d.sync += operands[k][lane].eq(
                        Mux(self.i.p.inside[k], mapped, context.zero_point)
                    )

        # Products. Weights change between blocks without a pause.
        m.d.comb += [
            multiply.eq(operand_valid & self.weights.valid & advance),
            self.weights.ready.eq(multiply & operand_pixel & operand_flags.block_end),
        ]
        stages = []  # valid, pixel and flags of the registers behind products and column sums
        source = (multiply, operand_pixel, operand_flags)
        for name in ("product", "column"):
            valid = Signal(name=f"{name}_valid")
            pixel = Signal(name=f"{name}_pixel")
            flags = Signal(flags_layout(), name=f"{name}_flags")
            with m.If(advance):
                m.d.sync += [valid.eq(source[0]), pixel.eq(source[1]), flags.eq(source[2])]
            source = (valid, pixel, flags)
            stages.append(source)
        (product_valid, _, _), (column_valid, column_pixel, column_flags) = stages

        for lane in range(lanes):
            products = self._products(m, lane, operands, multiply, pairs_products(platform))

            # Sums of a column with each column of weights, then along the columns.
            sums = [Signal(signed(18), name=f"column_sum_{lane}_{k}") for k in range(ROWS)]
            with m.If(advance & product_valid):
                m.d.sync += [s.eq(sum(products[k::ROWS])) for k, s in enumerate(sums)]
            begun = Signal(signed(18), name=f"begun_{lane}")
            continued = Signal(WINDOW_SUM, name=f"continued_{lane}")
            with m.If(advance & column_valid):
                m.d.sync += [
                    begun.eq(sums[0]),
                    continued.eq(begun + sums[1]),
                    self.o.p.sums[lane].eq(continued + sums[2]),
                ]

        with m.If(advance):
            m.d.sync += self.o.valid.eq(column_valid & column_pixel)
            with m.If(column_valid):
                m.d.sync += self.o.p.flags.eq(column_flags)
        return m
