# SPDX-License-Identifier: Apache-2.0
"""Shifters for bytes, in the form that takes the fewest multiplexers."""

from amaranth import *

__all__ = ["rotate_down", "rotate_up"]


def rotate_down(value, amount, *, count):
    """Rotate bytes down and keep the lowest ``count``.

    The widest steps come first, because each later step needs less of its input.

    Parameters
    ----------
    value : :class:`Value`
        A power of two of bytes.
    amount : :class:`Value`
        Bytes to rotate by, with exactly the bits that this takes.
    count : :class:`int`
        Bytes of the result.
    """
    size = len(value) // 8
    for bit in reversed(range(len(amount))):
        step = 1 << bit
        # What later steps may still reach.
        needed = min(size, count + step - 1)
        doubled = Cat(value, value[: 8 * step]) if len(value) == 8 * size else value
        value = Mux(
            amount[bit],
            doubled[8 * step : 8 * (step + needed)],
            doubled[: 8 * needed],
        )
    return value


def rotate_up(value, amount):
    """Rotate bytes up.

    Parameters
    ----------
    value : :class:`Value`
        Bytes.
    amount : :class:`Value`
        Bytes to rotate by.
    """
    for bit in range(len(amount)):
        value = Mux(amount[bit], value.rotate_left(8 << bit), value)
    return value
