# SPDX-License-Identifier: Apache-2.0
"""The DSP block of AMD's 7 series, as far as the gateware uses it."""

from amaranth import *

__all__ = ["dsp48e1"]

_A = 30
_B = 18
_C = 48
_D = 25


def _extended(value, width):
    """Return a value, signed or not, as that many bits of a signed one."""
    value = Value.cast(value)
    sign = value[-1] if value.shape().signed else C(0, 1)
    return Cat(value, sign.replicate(width - len(value)))


def dsp48e1(*, a, b, product, enable, d=None, c=None):
    """Return a DSP48E1 that takes ``(d + a) * b`` in each cycle with ``enable``, and adds ``c``.

    The multiplier's register holds what it took, and the others are left out (AMD UG479).
    Synthesis may take registers in front of the block and an adder behind it into it then. With the
    output register instead, Yosys 0.70 would take the adder in ahead of that register.

    Parameters
    ----------
    a, b : :class:`Value`
        Factors, signed or not, of at most 25 and 18 bits with the sign.
    product : :class:`Signal`
        The product and ``c``, 48 bits.
    enable : :class:`Value`
        Take the product.
    d : :class:`Value` or :class:`None`
        What the pre-adder adds to ``a``, of at most 25 bits with the sign, as their sum is.
    c : :class:`Value`
        What is added to the product that was taken, 48 bits, as it is now.
    """
    on, off = C(1, 1), C(0, 1)
    registers = ("A", "B", "ACASC", "BCASC", "C", "D", "AD", "P", "INMODE", "OPMODE", "ALUMODE")
    enables = ("A1", "A2", "B1", "B2", "C", "D", "AD", "P", "CTRL", "INMODE", "ALUMODE", "CARRYIN")
    resets = ("A", "B", "C", "D", "M", "P", "CTRL", "INMODE", "ALUMODE", "ALLCARRYIN")
    return Instance(
        "DSP48E1",
        **{f"p_{name}REG": 0 for name in (*registers, "CARRYIN", "CARRYINSEL")},
        p_MREG=1,
        p_USE_DPORT="FALSE" if d is None else "TRUE",
        p_USE_MULT="MULTIPLY",
        **{f"i_CE{name}": off for name in enables},
        **{f"i_RST{name}": off for name in resets},
        i_CEM=enable,
        i_CLK=ClockSignal(),
        i_A=_extended(a, _A),
        i_B=_extended(b, _B),
        i_C=C(0, _C) if c is None else c,
        i_D=C(0, _D) if d is None else _extended(d, _D),
        # D joins A with the pre-adder only.
        i_INMODE=Cat(off, off, off if d is None else on, off, off),
        # X and Y: the product; Z: C, or 0.
        i_OPMODE=C(0b0000101 if c is None else 0b0110101, 7),
        i_ALUMODE=C(0, 4),
        i_CARRYINSEL=C(0, 3),
        i_CARRYIN=off,
        i_CARRYCASCIN=off,
        i_MULTSIGNIN=off,
        i_ACIN=C(0, _A),
        i_BCIN=C(0, _B),
        i_PCIN=C(0, _C),
        o_P=product,
    )
