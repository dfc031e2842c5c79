# SPDX-License-Identifier: Apache-2.0
"""Multiplication over a few cycles, for constants of an instruction."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Product"]


class Product(wiring.Component):
    """Multiply by adding, two bits of the factor a cycle: too rarely needed for a DSP block.

    Parameters
    ----------
    width : :class:`int`
        Bits of the result, which wraps.
    value_bits, factor_bits : :class:`int`
        Bits of the operands.

    Members
    -------
    start : :py:`In(1)`
        Take the operands. The result is there :attr:`latency` cycles later, and stays.
    value : :py:`In(value_bits)`
    factor : :py:`In(factor_bits)`
    product : :py:`Out(width)`
    """

    def __init__(self, *, width, value_bits, factor_bits):
        self._width = width
        self._value_bits = value_bits
        self._factor_bits = factor_bits
        super().__init__(
            {
                "start": In(1),
                "value": In(value_bits),
                "factor": In(factor_bits),
                "product": Out(width),
            }
        )

    @property
    def width(self):
        """Bits of the result."""
        return self._width

    @property
    def value_bits(self):
        """Bits of the value."""
        return self._value_bits

    @property
    def factor_bits(self):
        """Bits of the factor."""
        return self._factor_bits

    @property
    def latency(self):
        """Cycles from ``start`` to the result."""
        return 1 + (self._factor_bits + 1) // 2

    def elaborate(self, platform):
        m = Module()
        value = Signal(self._width, reset_less=True)
        factor = Signal(self._factor_bits)
        with m.If(self.start):
            m.d.sync += [value.eq(self.value), factor.eq(self.factor), self.product.eq(0)]
        with m.Elif(factor != 0):
            low = Mux(factor[0], value, 0)
            high = Mux(factor[1], value << 1, 0)
            m.d.sync += [
                self.product.eq(self.product + (low + high)),
                value.eq(value << 2),
                factor.eq(factor >> 2),
            ]
        return m
