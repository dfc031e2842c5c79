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


def dsp48e1(*, a, b, product, enable, d=None, c=0):
    """Return a DSP48E1 that takes ``product = (d + a) * b + c`` in each cycle with ``enable``.

    The output register holds it; the others are left out (AMD UG479).

    Parameters
    ----------
    a, b : :class:`Value`
        Factors, signed or not, of at most 25 and 18 bits with the sign.
    product : :class:`Signal`
        48 bits.
    enable : :class:`Value`
        Take the product.
    d : :class:`Value` or :class:`None`
        What the pre-adder adds to ``a``, of at most 25 bits with the sign, as their sum is.
    c : :class:`int`
        What is added to the product.
    """
    on, off = C(1, 1), C(0, 1)
    registers = ("A", "B", "ACASC", "BCASC", "C", "D", "AD", "M", "INMODE", "OPMODE", "ALUMODE")
    enables = ("A1", "A2", "B1", "B2", "C", "D", "AD", "M", "CTRL", "INMODE", "ALUMODE", "CARRYIN")
    resets = ("A", "B", "C", "D", "M", "P", "CTRL", "INMODE", "ALUMODE", "ALLCARRYIN")
    return Instance(
        "DSP48E1",
        **{f"p_{name}REG": 0 for name in (*registers, "CARRYIN", "CARRYINSEL")},
        p_PREG=1,
        p_USE_DPORT="FALSE" if d is None else "TRUE",
        p_USE_MULT="MULTIPLY",
        **{f"i_CE{name}": off for name in enables},
        **{f"i_RST{name}": off for name in resets},
        i_CEP=enable,
        i_CLK=ClockSignal(),
        i_A=_extended(a, _A),
        i_B=_extended(b, _B),
        i_C=C(c, _C),
        i_D=C(0, _D) if d is None else _extended(d, _D),
        # D joins A with the pre-adder only.
        i_INMODE=Cat(off, off, off if d is None else on, off, off),
        # X and Y: the product; Z: C, or 0.
        i_OPMODE=C(0b0110101 if c else 0b0000101, 7),
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
