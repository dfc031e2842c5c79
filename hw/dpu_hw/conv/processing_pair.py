# SPDX-License-Identifier: Apache-2.0
"""Two neighbouring multipliers of the systolic array that share a DSP block."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.processing_element import sum_shape
from dpu_hw.multiplier_pair import RegisteredMultiplierPair

__all__ = ["ProcessingPair"]


class ProcessingPair(wiring.Component):
    """Two :class:`dpu_hw.conv.processing_element.ProcessingElement` with the same activation.

    Parameters
    ----------
    row : :class:`int`
        Row in the array; the sums that come in have this many products.

    Members
    -------
    activation : :py:`In(signed(8))`
        Activation of both.
    weights : :py:`In(data.ArrayLayout(signed(8), 2))`
        Next weight of each.
    load, swap : :py:`In(1)`
        As those of a ProcessingElement, for both.
    sums_i : :py:`In(data.ArrayLayout(sum_shape(row), 2))`
        Sums of the rows above, one cycle after the activation.
    sums_o : :py:`Out(data.ArrayLayout(sum_shape(row + 1), 2))`
        Sums that include this row, two cycles after the activation.
    """

    def __init__(self, *, row):
        self._row = row
        super().__init__(
            {
                "activation": In(signed(8)),
                "weights": In(data.ArrayLayout(signed(8), 2)),
                "load": In(1),
                "swap": In(1),
                "sums_i": In(data.ArrayLayout(sum_shape(row), 2)),
                "sums_o": Out(data.ArrayLayout(sum_shape(row + 1), 2)),
            }
        )

    @property
    def row(self):
        """Row in the array."""
        return self._row

    def elaborate(self, platform):
        m = Module()
        m.submodules.multipliers = multipliers = RegisteredMultiplierPair(
            sum_shape=sum_shape(self._row + 1)
        )
        shadow = Signal.like(self.weights, reset_less=True)
        active = Signal.like(self.weights, reset_less=True)
        totals = Signal.like(self.sums_o, reset_less=True)
        with m.If(self.load):
            m.d.sync += shadow.eq(self.weights)
        with m.If(self.swap):
            m.d.sync += active.eq(shadow)
        m.d.comb += [
            multipliers.enable.eq(1),
            multipliers.shared.eq(self.activation),
            multipliers.factors.eq(active),
        ]
        if self._row:
            m.d.comb += multipliers.addend.eq(self.sums_i[1])
        lower = multipliers.lower
        m.d.sync += [
            totals[0].eq(self.sums_i[0] + lower if self._row else lower),
            totals[1].eq(multipliers.upper),
        ]
        m.d.comb += self.sums_o.eq(totals)
        return m
