# SPDX-License-Identifier: Apache-2.0
"""The systolic array."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.processing_element import ProcessingElement, sum_shape
from dpu_hw.conv.processing_pair import ProcessingPair
from dpu_hw.layouts import word_layout
from dpu_hw.multiplier_pair import pairs_products

__all__ = ["SystolicArray"]


class SystolicArray(wiring.Component):
    """``lanes`` x ``columns`` multipliers with stationary, double-buffered weights.

    Activations move right and partial sums move down; every row works one cycle after the row
    above. ``reach`` neighbouring columns share an activation register and form a group, and every
    group works one cycle after the group to its left: registers for each column would cost more
    than they bring at the clock rates of an FPGA.

    All that belongs to row r and group g happens r + g cycles later than in the first element.
    This wavefront carries activations, the swap of weights and the loading of shadow weights
    alike, so that a tile's first row may be loaded in the cycle before its swap, and the next
    tile right behind it.

    The pipeline never stalls. Activations that are not ``valid`` don't change it.

    Parameters
    ----------
    lanes : :class:`int`
        Rows: input channels.
    columns : :class:`int`
        Columns: output channels.
    reach : :class:`int`
        Columns in a group; divides ``columns``.
    logic_multipliers : :class:`int`
        How many multipliers, the last in row-major order, are built from logic.

    Members
    -------
    valid : :py:`In(1)`
        There is a pixel.
    pixel : :py:`In(word_layout(lanes))`
        The activations of a pixel.
    swap : :py:`In(1)`
        With a pixel: it is the first that meets the weights in the shadow.
    load : :py:`In(1)`
        ``weights`` is the first row of a tile; the others follow in the next cycles. The pixel
        with the tile's swap may come from this cycle on, and this cycle must be later than that of
        the pixel with the swap of the tile before.
    weights : :py:`In(data.ArrayLayout(signed(8), columns))`
        A row of a tile.
    sums : :py:`Out(data.ArrayLayout(sum_shape(lanes), columns))`
        The pixel times the tile, :attr:`latency` cycles after the pixel.
    """

    def __init__(self, *, lanes, columns, reach, logic_multipliers):
        if columns % reach:
            raise ValueError(f"Reach must divide the {columns} columns, {reach!r} does not")
        if not 0 <= logic_multipliers <= lanes * columns:
            raise ValueError(f"The array has no {logic_multipliers!r} multipliers")
        self._lanes = lanes
        self._columns = columns
        self._reach = reach
        self._logic_multipliers = logic_multipliers
        super().__init__(
            {
                "valid": In(1),
                "pixel": In(word_layout(lanes)),
                "swap": In(1),
                "load": In(1),
                "weights": In(data.ArrayLayout(signed(8), columns)),
                "sums": Out(data.ArrayLayout(sum_shape(lanes), columns)),
            }
        )

    @property
    def lanes(self):
        """Rows."""
        return self._lanes

    @property
    def columns(self):
        """Columns."""
        return self._columns

    @property
    def reach(self):
        """Columns in a group."""
        return self._reach

    @property
    def logic_multipliers(self):
        """Multipliers that are built from logic."""
        return self._logic_multipliers

    @property
    def groups(self):
        """Groups of columns."""
        return self._columns // self._reach

    @property
    def latency(self):
        """Cycles from a pixel to its sums."""
        # Input register, first activation register, product, sum; then one for each further row
        # and group.
        return 4 + (self._lanes - 1) + (self.groups - 1)

    def _is_logic(self, row, column):
        first = self._lanes * self._columns - self._logic_multipliers
        return row * self._columns + column >= first

    def _paired(self, row, platform):
        """Return the columns that share a DSP block with the next one, which has its activation."""
        if not pairs_products(platform):
            return set()
        # A group's columns by twos; of an odd group, the last is on its own.
        return {
            column
            for column in range(self._columns - 1)
            if column % self._reach % 2 == 0
            and (column + 1) % self._reach != 0
            and not self._is_logic(row, column + 1)
        }

    def elaborate(self, platform):
        m = Module()

        # Data needs no reset, as long as no swap or load that was under way touches it afterwards.
        def delayed(value, cycles, name, *, reset_less=True):
            for i in range(cycles):
                stage = Signal.like(Value.cast(value), name=f"{name}_{i}", reset_less=reset_less)
                m.d.sync += stage.eq(value)
                value = stage
            return value

        groups = self.groups
        pixel = Signal.like(self.pixel, reset_less=True)
        with m.If(self.valid):
            m.d.sync += pixel.eq(self.pixel)
        # swaps[d] and loads[d] are for the elements with row + group = d. Weights become active in
        # the cycle before the activations arrive that need them.
        swaps, loads = [Signal(name="swap_0")], [self.load]
        m.d.sync += swaps[0].eq(self.valid & self.swap)
        for d in range(1, self._lanes + groups - 1):
            swaps.append(delayed(swaps[-1], 1, f"swap_{d}", reset_less=False))
            loads.append(delayed(loads[-1], 1, f"load_{d}", reset_less=False))

        weights = [
            delayed(self.weights[c], c // self._reach, f"weight_{c}") for c in range(self._columns)
        ]
        sums = [None] * self._columns
        for r in range(self._lanes):
            activation = delayed(pixel[r], r, f"skew_{r}")
            paired = self._paired(r, platform)
            for c in range(self._columns):
                group = c // self._reach
                if c % self._reach == 0:
                    activation = delayed(activation, 1, f"activation_{r}_{group}")
                if c - 1 in paired:
                    continue  # made with its neighbour
                if c in paired:
                    m.submodules[f"pair_{r}_{c}"] = pe = ProcessingPair(row=r)
                    ends = [(pe.weights[n], pe.sums_i[n], pe.sums_o[n]) for n in range(2)]
                else:
                    m.submodules[f"pe_{r}_{c}"] = pe = ProcessingElement(
                        row=r, logic=self._is_logic(r, c)
                    )
                    ends = [(pe.weight, pe.sum_i, pe.sum_o)]
                m.d.comb += [
                    pe.activation.eq(activation),
                    *(weight.eq(weights[c + n]) for n, (weight, _, _) in enumerate(ends)),
                    pe.load.eq(loads[r + group]),
                    pe.swap.eq(swaps[r + group]),
                ]
                for n, (_, sum_i, sum_o) in enumerate(ends):
                    if r:
                        m.d.comb += sum_i.eq(sums[c + n])
                    sums[c + n] = sum_o
        for c in range(self._columns):
            aligned = delayed(sums[c], groups - 1 - c // self._reach, f"deskew_{c}")
            m.d.comb += self.sums[c].eq(aligned)
        return m
