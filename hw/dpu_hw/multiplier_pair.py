# SPDX-License-Identifier: Apache-2.0
"""Two products that share a factor, in one DSP block where it has room for them."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.dsp48e1 import dsp48e1
from dpu_hw.family import Family, family_of
from dpu_hw.registered_multiplier import RegisteredMultiplier

__all__ = ["RegisteredMultiplierPair", "pairs_products"]

#: Bits of a product of two signed bytes.
_PRODUCT = 16


def pairs_products(platform):
    """Tell whether a pair takes one DSP block, where two multipliers would take two."""
    return family_of(platform) is Family.XC7


class RegisteredMultiplierPair(wiring.Component):
    """Multiply two signed bytes by a third into registers, and add to the upper product.

    A DSP48E1 multiplies ``2**16 * factors[1] + factors[0]`` by the shared factor: its pre-adder
    makes the sum. A negative lower product would borrow from the upper one, so the adder behind
    adds 2**15, which makes it positive and changes nothing of it but its uppermost bit. The same
    adder has room for the addend, above the lower product.

    Parameters
    ----------
    sum_shape : :class:`Shape`
        Shape of what comes out above: signed, of 16 to 32 bits.

    Members
    -------
    enable : :py:`In(1)`
        Take the products.
    shared : :py:`In(signed(8))`
        The factor of both.
    factors : :py:`In(data.ArrayLayout(signed(8), 2))`
        The other factors: of the lower, of the upper product.
    addend : :py:`In(sum_shape)`
        What is added to the upper product.
    lower : :py:`Out(signed(16))`
        The exact lower product of the last factors taken. Reset leaves it alone.
    upper : :py:`Out(sum_shape)`
        The upper product of the last factors taken, plus the addend as it is now.
    """

    def __init__(self, *, sum_shape):
        self._sum_shape = Shape.cast(sum_shape)
        if not self._sum_shape.signed or not _PRODUCT <= self._sum_shape.width <= 2 * _PRODUCT:
            raise ValueError(f"The sum must be signed, of 16 to 32 bits, not {sum_shape!r}")
        super().__init__(
            {
                "enable": In(1),
                "shared": In(signed(8)),
                "factors": In(data.ArrayLayout(signed(8), 2)),
                "addend": In(self._sum_shape),
                "lower": Out(signed(_PRODUCT)),
                "upper": Out(self._sum_shape),
            }
        )

    @property
    def sum_shape(self):
        """Shape of what comes out above."""
        return self._sum_shape

    def elaborate(self, platform):
        m = Module()
        if pairs_products(platform):
            upper = Signal(signed(2 * _PRODUCT))
            result = Signal(3 * _PRODUCT)
            m.d.comb += upper.eq(self.addend)
            m.submodules.dsp48e1 = dsp48e1(
                a=self.factors[0],
                d=Cat(C(0, _PRODUCT), self.factors[1]).as_signed(),
                b=self.shared,
                c=Cat(C(1 << (_PRODUCT - 1), _PRODUCT), upper),
                product=result,
                enable=self.enable,
            )
            m.d.comb += [
                self.lower.eq(Cat(result[: _PRODUCT - 1], ~result[_PRODUCT - 1])),
                self.upper.eq(result[_PRODUCT:]),
            ]
            return m
        products = []
        for n in range(2):
            m.submodules[f"multiplier_{n}"] = multiplier = RegisteredMultiplier(
                a_shape=signed(8), b_shape=signed(8), logic=False
            )
            m.d.comb += [
                multiplier.enable.eq(self.enable),
                multiplier.a.eq(self.shared),
                multiplier.b.eq(self.factors[n]),
            ]
            products.append(multiplier.o)
        m.d.comb += [self.lower.eq(products[0]), self.upper.eq(products[1] + self.addend)]
        return m
