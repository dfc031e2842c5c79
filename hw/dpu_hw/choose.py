# SPDX-License-Identifier: Apache-2.0
"""Choices of one of several values, in as few LUTs as there may be."""

from amaranth import *

from dpu_hw.family import Family, family_of

__all__ = ["choose"]

# Truth tables of LUT4s with inputs A (lowest), B, C, D.
#: A or B by C, and C itself if D.
_FIRST = 0xF0CA
#: C itself, and A or B by C if D.
_SECOND = 0xCAF0


def choose(m, number, values, platform):
    """Return the value of that number; any if there is none.

    A multiplexer of four is three of two, and with LUTs of four inputs synthesis makes three of it.
    Two do: where the third or the fourth value is wanted, the first LUT has no value to choose and
    tells the second one with its output which of them it is.

    Parameters
    ----------
    m : :class:`Module`
        Where named cells go.
    number : :ref:`value-like <lang-valuelike>`
        Which one, unsigned.
    values : sequence of :ref:`value-like <lang-valuelike>`
        Values, all of one width.
    platform : platform
        Its family decides what is named.
    """
    number = Value.cast(number)
    values = [Value.cast(value) for value in values]
    if len(values) == 1:
        return values[0]
    if len(values) == 2:
        return Mux(number[0], values[1], values[0])
    if len(values) > 4:
        groups = [values[start : start + 4] for start in range(0, len(values), 4)]
        return choose(
            m, number[2:], [choose(m, number[:2], group, platform) for group in groups], platform
        )
    if len(values) == 3:
        values.append(values[2])
    if family_of(platform) is not Family.ECP5:
        low, high = (Mux(number[0], b, a) for a, b in (values[:2], values[2:]))
        return Mux(number[1], high, low)
    chosen = Signal(len(values[0]))
    for a, b, c, d, bit in zip(*values, chosen, strict=True):
        first = Signal()
        for table, inputs, output in (
            (_FIRST, (a, b, number[0], number[1]), first),
            (_SECOND, (c, d, first, number[1]), bit),
        ):
            m.submodules += Instance(
                "LUT4",
                p_INIT=Const(table, 16),
                **{f"i_{pin}": value for pin, value in zip("ABCD", inputs, strict=True)},
                o_Z=output,
            )
    return chosen
