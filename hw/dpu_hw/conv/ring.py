# SPDX-License-Identifier: Apache-2.0
"""Steps along a ring of rows."""

from amaranth import *

from dpu_hw.ports import ADDRESS_BITS

__all__ = ["ring_step"]


def ring_step(m, name, row, step, step_wrapped):
    """Return where in a ring a step leads.

    Parameters
    ----------
    m : :class:`Module`
        Module that the adders go into.
    name : :class:`str`
        Prefix of their signals.
    row : :py:`unsigned(16)`
        Words from the start of the ring.
    step : :py:`unsigned(16)`
        Words to go on, less than the ring has.
    step_wrapped : :py:`signed(17)`
        ``step`` less the words of the ring.
    """
    # Both sums are formed at once; the sign of one chooses, so that no adder follows another.
    plain = Signal(ADDRESS_BITS, name=f"{name}_plain")
    wrapped = Signal(signed(ADDRESS_BITS + 2), name=f"{name}_wrapped")
    m.d.comb += [plain.eq(row + step), wrapped.eq(row + step_wrapped)]
    return Mux(wrapped < 0, plain, wrapped[:ADDRESS_BITS])
