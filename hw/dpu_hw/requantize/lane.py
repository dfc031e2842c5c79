# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of one requantizer lane."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.registered_multiplier import RegisteredMultiplier

__all__ = ["RequantizerLane"]

#: Bits of a shifted product that the result is made of: the bit for rounding, and ten that hold
#: what int8 may become by adding a zero point.
_KEPT = 11


def _differ(bits):
    """Return whether not all bits are the same."""
    return bits.any() & ~bits.all()


class RequantizerLane(wiring.Component):
    """Scale one accumulator each cycle, in :attr:`latency` stages that move when they are told to.

    Reset leaves most of what is in them alone: who tells them to move knows what is of use.

    A rounding shift of h by r that rounds half away from zero is ``((h - (h < 0)) >> r) + bit``,
    where ``bit`` is the last one shifted out, or ``h < 0`` if none was. With that bit attached
    below h, a shift of any distance needs nothing but a plain shifter and one addition. Whether h
    is negative is asked of the factor that has a sign, ahead of the product: where that is negative
    and h isn't, h is 0, and the sum above is 0 in either case. So the subtraction is done with the
    product's own additions.

    Int8 leaves few bits of the result. Of those above the shifter keeps only whether they differ
    from the sign, which it may leave out as soon as no shift of later stages reaches them.

    Parameters
    ----------
    divide : :class:`bool`
        Have the mode that divides, besides the one of TFLite.

    Members
    -------
    enable : :py:`In(latency)`
        Bit k lets the registers of stage k take what the stage before has.
    acc, bias, multiplier, shift : :py:`In`
        Operands of stage 0.
    divide_mode : :py:`In(latency)`
        Bit k: what stage k is about to take is to be divided. Ignored unless :attr:`divide`.
    zero_point : :py:`In(signed(8))`
        For what stage 7 is about to take.
    minimum, maximum : :py:`In(signed(8))`
        For what stage 8 is about to take.
    o : :py:`Out(signed(8))`
        The result, from the last stage's register.
    """

    latency = 9

    def __init__(self, *, divide):
        self._divide = bool(divide)
        super().__init__(
            {
                "enable": In(self.latency),
                "acc": In(signed(32)),
                "bias": In(signed(32)),
                "multiplier": In(unsigned(31)),
                "shift": In(signed(6)),
                "divide_mode": In(self.latency),
                "zero_point": In(signed(8)),
                "minimum": In(signed(8)),
                "maximum": In(signed(8)),
                "o": Out(signed(8)),
            }
        )

    @property
    def divide(self):
        """Whether it can divide."""
        return self._divide

    def elaborate(self, platform):
        m = Module()
        divide = self.divide_mode if self._divide else C(0, self.latency)
        # |acc| + bias needs one bit more than a wrapped sum.
        width = 33 if self._divide else 32

        def stage(index, *assignments):
            with m.If(self.enable[index]):
                m.d.sync += assignments

        def delay(name, shape, source, first, last):
            """Carry a value from ahead of stage ``first`` to behind stage ``last``."""
            for index in range(first, last + 1):
                register = Signal(shape, name=f"{name}_{index}", reset_less=True)
                stage(index, register.eq(source))
                source = register
            return source

        # Stage 0: add the bias, and shift left. -acc is ~acc + 1; the bit below the operands makes
        # the 1 a carry into the same adder.
        negate = Signal()
        total = Signal(signed(34))
        operand = Signal(signed(width), reset_less=True)
        m.d.comb += negate.eq(divide[0] & self.acc[31])
        m.d.comb += total.eq(
            Cat(negate, self.acc.as_unsigned() ^ negate.replicate(32)).as_signed()
            + Cat(negate, self.bias).as_signed()
        )
        left = self.shift[0] & ~self.shift[5] & ~divide[0]
        wrapped = Mux(left, Cat(C(0, 1), total[1:32]), total[1:33]).as_signed()
        with m.If(self.enable[0]):
            m.d.sync += operand.eq(wrapped)
            if self._divide:
                with m.If(divide[0]):
                    m.d.sync += operand.eq(total[1:].as_signed())
        multiplier = Signal(31, reset_less=True)
        right = Signal(5, reset_less=True)
        stage(0, multiplier.eq(self.multiplier))
        stage(0, right.eq(Mux(self.shift[5], (-self.shift)[0:5], 0)))
        negative = delay("negative", 1, negate, 0, 6)

        # Stage 1: four products of at most 18 x 18 bits, between registers.
        low, high = operand[:16], operand[16:].as_signed()

        def product_of(name, a, b):
            m.submodules[name] = block = RegisteredMultiplier(
                a_shape=a.shape(), b_shape=b.shape(), logic=False
            )
            m.d.comb += [block.enable.eq(self.enable[1]), block.a.eq(a), block.b.eq(b)]
            return block.o

        low_low = product_of("low_low", low, multiplier[:16])
        low_high = product_of("low_high", low, multiplier[16:])
        high_low = product_of("high_low", high, multiplier[:16])
        high_high = product_of("high_high", high, multiplier[16:])

        # Stage 2: the outer products side by side with half of the last place kept added, and the
        # sum of the middle ones. The lowest 16 bits influence nothing. If the result is negative
        # the place above, that of the product's lowest bit, is subtracted.
        minus = delay("minus", 1, operand[-1], 1, 1) & ~divide[2]
        outer = Signal(signed(width + 15), reset_less=True)
        middle = Signal(signed(width + 1), reset_less=True)
        half = Cat(~divide[2], minus).as_signed()
        stage(
            2,
            outer.eq(Cat(low_low[16:30], (Cat(low_low[30:], high_high).as_signed() + half))),
            middle.eq(low_high + high_low),
        )
        below = delay("below", 1, minus, 2, 3)

        # Stage 3: the product, shifted right by 31.
        product = Signal(signed(width + 15))
        scaled = Signal(signed(width), reset_less=True)
        m.d.comb += product.eq(outer + middle)
        stage(3, scaled.eq(product[15:].as_signed()))

        # Stages 4 to 6: the shift, with the rounding bit below. Each passes on the bits that may
        # still come to the lowest eleven, and whether any of the highest of them and those above
        # differ from the sign.
        shifts = delay("shift", 5, right, 1, 3)
        source = Cat(below, scaled).as_signed()
        sign = source[-1]
        wide = C(0)
        for index, low, high in ((4, 4, 5), (5, 2, 4), (6, 0, 2)):
            kept = _KEPT + (1 << low) - 1
            shifted = Signal(kept, name=f"shifted_{index}", reset_less=True)
            next_wide = Signal(name=f"wide_{index}", reset_less=True)
            distances = range(0, 1 << high, 1 << low)
            differ = Array(_differ(source[kept - 1 + distance :]) for distance in distances)
            stage(
                index,
                shifted.eq(source >> Cat(C(0, low), shifts[low:high])),
                next_wide.eq(wide | differ[shifts[low:high]]),
            )
            sign = delay("sign", 1, sign, index, index)
            if low:
                rest = Signal(low, name=f"shift_{index}", reset_less=True)
                stage(index, rest.eq(shifts[:low]))
                shifts = rest
            source, wide = shifted, next_wide

        # Stage 7: round, take the sign back and add the zero point, on the few bits that int8
        # leaves; two flags tell if they are too few.
        carry = Mux(divide[7], negative, source[0])
        small = source[1:] ^ negative.replicate(_KEPT - 1)
        value = Signal(signed(_KEPT + 1), reset_less=True)
        sum_ = Signal(signed(_KEPT + 2))
        too_large = Signal()
        too_small = Signal()
        m.d.comb += sum_.eq(
            Cat(C(1, 1), small).as_signed() + Cat(carry, self.zero_point).as_signed()
        )
        stage(
            7,
            value.eq(sum_[1:].as_signed()),
            too_large.eq(wide & (sign == negative)),
            too_small.eq(wide & (sign != negative)),
        )

        # Stage 8: clamp.
        with m.If(self.enable[8]):
            with m.If(too_large | (~too_small & (value > self.maximum))):
                m.d.sync += self.o.eq(self.maximum)
            with m.Elif(too_small | (value < self.minimum)):
                m.d.sync += self.o.eq(self.minimum)
            with m.Else():
                m.d.sync += self.o.eq(value)
        return m
