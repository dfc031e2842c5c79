# SPDX-License-Identifier: Apache-2.0
"""A multiplier that goes into a DSP block or is described from adders."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Multiplier"]


class Multiplier(wiring.Component):
    """Multiply two numbers, combinationally.

    Parameters
    ----------
    a_shape, b_shape : :class:`Shape`
        Shapes of the operands, of at least two bits each.
    logic : :class:`bool`
        Describe the product as a tree of adders over rows of partial products. Synthesis keeps
        that out of the DSP blocks and needs less than half of the logic that it makes of a
        multiplication it may not put there.

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
        if self._a_shape.width < 2 or self._b_shape.width < 2:
            raise ValueError(f"Operands need two bits or more, not {a_shape!r} and {b_shape!r}")
        self._product_shape = Shape(
            self._a_shape.width + self._b_shape.width,
            signed=self._a_shape.signed or self._b_shape.signed,
        )
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

        # One row of partial products for each bit of a. The top row of a signed number counts
        # negative, so the adder that takes it in subtracts.
        zero = Const(0, self._b_shape)
        terms = [(Mux(bit, self.b, zero), 1) for bit in self.a]
        negative = self._a_shape.signed
        level = 0
        while len(terms) > 1:
            merged = []
            for index in range(0, len(terms) - 1, 2):
                (low, shift), (high, rows) = terms[index : index + 2]
                subtract = negative and index + 2 == len(terms)
                # The lowest bits of the lower term are final: only the rest is added. Bits that
                # bypass the adder also keep synthesis from merging all rows into one big sum,
                # which would cost twice the logic.
                rest = low >> shift
                width = shift + rows + self._b_shape.width
                is_signed = subtract or low.shape().signed or high.shape().signed
                total = Signal(
                    Shape(width - shift, signed=is_signed), name=f"sum_{level}_{index // 2}"
                )
                m.d.comb += total.eq(rest - high if subtract else rest + high)
                joined = Cat(low[:shift], total)
                merged.append((joined.as_signed() if is_signed else joined, shift + rows))
                if subtract:
                    negative = False
            if len(terms) % 2:
                merged.append(terms[-1])
            terms = merged
            level += 1
        m.d.comb += self.o.eq(terms[0][0])
        return m
