# SPDX-License-Identifier: Apache-2.0
"""Two products that share a factor, in one DSP block where the family has room for them."""

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
    """Multiply two signed bytes by a third into registers.

    A DSP48E1 multiplies ``2**16 * factors[1] + factors[0]`` by the shared factor: its pre-adder
    makes the sum. The lower product would borrow from the upper one when it is negative, so the
    block adds 2**15, which makes it positive and changes nothing of it but its uppermost bit.

    Members
    -------
    enable : :py:`In(1)`
        Take the products.
    shared : :py:`In(signed(8))`
        The factor of both.
    factors : :py:`In(data.ArrayLayout(signed(8), 2))`
        The other factor of each.
    o : :py:`Out(data.ArrayLayout(signed(16), 2))`
        The exact products of the last factors taken. Reset leaves them alone.
    """

    enable: In(1)
    shared: In(signed(8))
    factors: In(data.ArrayLayout(signed(8), 2))
    o: Out(data.ArrayLayout(signed(_PRODUCT), 2))

    def elaborate(self, platform):
        m = Module()
        if pairs_products(platform):
            products = Signal(48)
            low, high = self.factors[0], self.factors[1]
            m.submodules.dsp48e1 = dsp48e1(
                a=low,
                d=Cat(C(0, _PRODUCT), high).as_signed(),
                b=self.shared,
                c=1 << (_PRODUCT - 1),
                product=products,
                enable=self.enable,
            )
            m.d.comb += [
                self.o[0].eq(Cat(products[: _PRODUCT - 1], ~products[_PRODUCT - 1])),
                self.o[1].eq(products[_PRODUCT : 2 * _PRODUCT]),
            ]
            return m
        for n in range(2):
            m.submodules[f"multiplier_{n}"] = multiplier = RegisteredMultiplier(
                a_shape=signed(8), b_shape=signed(8), logic=False
            )
            m.d.comb += [
                multiplier.enable.eq(self.enable),
                multiplier.a.eq(self.shared),
                multiplier.b.eq(self.factors[n]),
                self.o[n].eq(multiplier.o),
            ]
        return m
