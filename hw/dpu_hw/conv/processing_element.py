# SPDX-License-Identifier: Apache-2.0
"""One multiplier of the systolic array, with its weights."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.registered_multiplier import RegisteredMultiplier

__all__ = ["ProcessingElement", "sum_shape"]


def sum_shape(terms):
    """Return the shape of a sum of ``terms`` products of two int8."""
    # A product is at most 2**14 in magnitude, so that n of them fit in 16 + log2(n) bits.
    return signed(16 + (terms - 1).bit_length()) if terms else signed(1)


class ProcessingElement(wiring.Component):
    """Multiply an activation by a stationary weight and add the product to a partial sum.

    The activation meets the active weight in a cycle, the product is registered, and the sum of
    the row above is added in the next cycle: a sum leaves two cycles after its activation came.

    Parameters
    ----------
    row : :class:`int`
        Row in the array; the sum that comes in has this many products.
    logic : :class:`bool`
        Build the multiplier from logic instead of a DSP block.

    Members
    -------
    activation : :py:`In(signed(8))`
        Activation.
    weight : :py:`In(signed(8))`
        Next weight.
    load : :py:`In(1)`
        Take ``weight`` into the shadow.
    swap : :py:`In(1)`
        Make the shadow's weight the active one, from the next cycle on. The shadow may take
        another weight in the same cycle.
    sum_i : :py:`In(sum_shape(row))`
        Sum of the rows above, one cycle after the activation.
    sum_o : :py:`Out(sum_shape(row + 1))`
        Sum that includes this row, two cycles after the activation.
    """

    def __init__(self, *, row, logic):
        self._row = row
        self._logic = bool(logic)
        super().__init__(
            {
                "activation": In(signed(8)),
                "weight": In(signed(8)),
                "load": In(1),
                "swap": In(1),
                "sum_i": In(sum_shape(row)),
                "sum_o": Out(sum_shape(row + 1)),
            }
        )

    @property
    def row(self):
        """Row in the array."""
        return self._row

    @property
    def logic(self):
        """Whether the multiplier is built from logic."""
        return self._logic

    def elaborate(self, platform):
        m = Module()
        m.submodules.multiplier = multiplier = RegisteredMultiplier(
            a_shape=signed(8), b_shape=signed(8), logic=self._logic
        )
        shadow = Signal(signed(8), reset_less=True)
        active = Signal(signed(8), reset_less=True)
        total = Signal(self.sum_o.shape(), reset_less=True)
        with m.If(self.load):
            m.d.sync += shadow.eq(self.weight)
        with m.If(self.swap):
            m.d.sync += active.eq(shadow)
        m.d.comb += [
            multiplier.enable.eq(1),
            multiplier.a.eq(self.activation),
            multiplier.b.eq(active),
        ]
        m.d.sync += total.eq(multiplier.o + self.sum_i if self._row else multiplier.o)
        m.d.comb += self.sum_o.eq(total)
        return m
