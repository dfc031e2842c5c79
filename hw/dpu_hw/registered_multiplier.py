# SPDX-License-Identifier: Apache-2.0
"""A multiplier and the register behind it, which a DSP block holds as well."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.dsp48e1 import dsp48e1
from dpu_hw.family import Family, family_of
from dpu_hw.multiplier import Multiplier, product_shape

__all__ = ["RegisteredMultiplier"]

#: Bits of an operand of a MULT18X18D, of a MULT18X18, and of the smaller one of a DSP48E1.
_OPERAND = 18


class RegisteredMultiplier(wiring.Component):
    """Multiply two numbers into a register.

    Synthesis infers DSP blocks without their registers for some families. For those the block is
    named, so that its output register holds the product: the way from the multiplier to a flip-flop
    costs nothing then.

    Parameters
    ----------
    a_shape, b_shape : :class:`Shape`
        Shapes of the operands, of two to 18 bits each with the sign.
    logic : :class:`bool`
        Build it from adders, see :class:`dpu_hw.multiplier.Multiplier`.

    Members
    -------
    enable : :py:`In(1)`
        Take the product.
    a : :py:`In(a_shape)`
    b : :py:`In(b_shape)`
    o : :py:`Out(product_shape)`
        The exact product of the last operands taken. Reset leaves it alone.
    """

    def __init__(self, *, a_shape, b_shape, logic):
        self._a_shape = Shape.cast(a_shape)
        self._b_shape = Shape.cast(b_shape)
        self._product_shape = product_shape(self._a_shape, self._b_shape)
        self._logic = bool(logic)
        for shape in (self._a_shape, self._b_shape):
            if shape.width + (not shape.signed) > _OPERAND:
                raise ValueError(f"Operands have at most {_OPERAND} bits with the sign: {shape!r}")
        super().__init__(
            {
                "enable": In(1),
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
        """Whether it is built from adders."""
        return self._logic

    @property
    def product_shape(self):
        """Shape of the product."""
        return self._product_shape

    def elaborate(self, platform):
        m = Module()
        family = Family.PORTABLE if self._logic else family_of(platform)
        if family is Family.ECP5:
            m.submodules.mult18x18d = self._mult18x18d()
            return m
        if family is Family.GOWIN:
            m.submodules.mult18x18 = self._mult18x18()
            return m
        if family is Family.XC7:
            m.submodules.dsp48e1 = self._dsp48e1()
            return m
        m.submodules.multiplier = multiplier = Multiplier(
            a_shape=self._a_shape, b_shape=self._b_shape, logic=self._logic
        )
        product = Signal(self.product_shape, reset_less=True)
        m.d.comb += [multiplier.a.eq(self.a), multiplier.b.eq(self.b), self.o.eq(product)]
        with m.If(self.enable):
            m.d.sync += product.eq(multiplier.o)
        return m

    def _operands(self):
        """Return both operands, extended to the width of a block's."""
        extended = []
        for operand, shape in ((self.a, self.a_shape), (self.b, self.b_shape)):
            sign = operand[-1] if shape.signed else C(0, 1)
            extended.append(Cat(operand, sign.replicate(_OPERAND - shape.width)))
        return extended

    def _mult18x18d(self):
        """Return the block of the ECP5 (Lattice FPGA-TN-02205, sysDSP).

        Operands are at the upper ends of its own, above constants, which take no wires: a sign that
        is extended would have to reach ten pins more.
        """
        operands = []
        below = 0  # bits of the product that are zero
        for operand in (self.a, self.b):
            zeros = _OPERAND - len(operand)
            operands.append(Cat(C(0, zeros), operand))
            below += zeros
        product = Signal(2 * _OPERAND)
        pins = {f"i_C{n}": C(0, 1) for n in range(_OPERAND)}
        for name, operand in zip("AB", operands, strict=True):
            pins |= {f"i_{name}{n}": operand[n] for n in range(_OPERAND)}
        pins |= {f"o_P{n}": product[n] for n in range(2 * _OPERAND)}
        block = Instance(
            "MULT18X18D",
            p_REG_INPUTA_CLK="NONE",
            p_REG_INPUTB_CLK="NONE",
            p_REG_INPUTC_CLK="NONE",
            p_REG_PIPELINE_CLK="NONE",
            p_REG_OUTPUT_CLK="CLK0",
            p_REG_OUTPUT_CE="CE0",
            p_REG_OUTPUT_RST="RST0",
            p_CLK0_DIV="ENABLED",
            p_RESETMODE="SYNC",
            p_GSR="DISABLED",
            p_SOURCEB_MODE="B_SHIFT",
            i_SIGNEDA=C(int(self.a_shape.signed), 1),
            i_SIGNEDB=C(int(self.b_shape.signed), 1),
            i_SOURCEA=C(0, 1),
            i_SOURCEB=C(0, 1),
            i_CLK0=ClockSignal(),
            i_CE0=self.enable,
            i_RST0=C(0, 1),
            **pins,
        )
        return _Named(block, self.o, product[below:])

    def _mult18x18(self):
        """Return the block of Gowin's GW1N and GW2A (Gowin UG287, DSP)."""
        a, b = self._operands()
        product = Signal(2 * _OPERAND)
        block = Instance(
            "MULT18X18",
            p_AREG=C(0, 1),
            p_BREG=C(0, 1),
            p_PIPE_REG=C(0, 1),
            p_OUT_REG=C(1, 1),
            p_ASIGN_REG=C(0, 1),
            p_BSIGN_REG=C(0, 1),
            p_SOA_REG=C(0, 1),
            p_MULT_RESET_MODE="SYNC",
            i_A=a,
            i_B=b,
            i_SIA=C(0, _OPERAND),
            i_SIB=C(0, _OPERAND),
            i_ASIGN=C(int(self.a_shape.signed), 1),
            i_BSIGN=C(int(self.b_shape.signed), 1),
            i_ASEL=C(0, 1),
            i_BSEL=C(0, 1),
            i_CE=self.enable,
            i_CLK=ClockSignal(),
            i_RESET=C(0, 1),
            o_DOUT=product,
        )
        return _Named(block, self.o, product)

    def _dsp48e1(self):
        """Return the block of the 7 series."""
        product = Signal(48)
        block = dsp48e1(a=self.a, b=self.b, product=product, enable=self.enable)
        return _Named(block, self.o, product)


class _Named(Elaboratable):
    """A block, and the product taken from it."""

    def __init__(self, block, output, product):
        self._block = block
        self._output = output
        self._product = product

    def elaborate(self, platform):
        m = Module()
        m.submodules.block = self._block
        m.d.comb += self._output.eq(self._product[: len(self._output)])
        return m
