# SPDX-License-Identifier: Apache-2.0
"""How a clock of any frequency is divided to the bits of a serial line."""

__all__ = ["MINIMUM_CLOCKS", "PHASE_BITS", "phase_step"]

#: Bits of the phase within a bit; its carry ends the bit.
PHASE_BITS = 20
#: Clocks that a bit needs at least, so that it can be sampled near its middle.
MINIMUM_CLOCKS = 4
#: How far the rate may be off. Receivers stand about 4 % between both ends together.
_TOLERANCE = 0.02


def phase_step(*, clock_hertz, baud):
    """Return what a clock adds to the phase, of which 2 ** PHASE_BITS are a bit.

    Bits last for a whole number of clocks each, and are right on average.

    Parameters
    ----------
    clock_hertz : :class:`int`
        Frequency of the clock.
    baud : :class:`int`
        Bits a second.

    Raises
    ------
    ValueError
        There are fewer than four clocks a bit, or so many that the rate would be off by 2 %.
    """
    if clock_hertz <= 0 or baud <= 0:
        raise ValueError(f"Clock and baud rate must be positive, not {clock_hertz} and {baud}")
    if clock_hertz < MINIMUM_CLOCKS * baud:
        raise ValueError(
            f"{baud} baud from a clock of {clock_hertz} Hz are {clock_hertz / baud:.2f} clocks a "
            f"bit, at least {MINIMUM_CLOCKS} are needed; take a lower baud rate"
        )
    step = round((baud << PHASE_BITS) / clock_hertz)
    error = step * clock_hertz / (baud << PHASE_BITS) - 1
    if abs(error) > _TOLERANCE:
        raise ValueError(
            f"{baud} baud from a clock of {clock_hertz} Hz would be off by {100 * error:.1f} %, "
            f"more than {100 * _TOLERANCE:.0f} %; take a higher baud rate"
        )
    return step
