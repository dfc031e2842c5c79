# SPDX-License-Identifier: Apache-2.0
"""Steps from row to row in a ring."""

from amaranth import *

from dpu_hw.ports import ADDRESS_BITS

__all__ = ["ring_step"]


def ring_step(m, name, offset, stride, wrap):
    """Return the offset one step on: ``(offset + stride) mod words``.

    Parameters
    ----------
    m : :class:`Module`
        Where the adders go.
    name : :class:`str`
        Prefix of their signals.
    offset, stride : :py:`unsigned(16)`
        Words from the ring's start; words of the step, at most those of the ring.
    wrap : :py:`signed(17)`
        The stride less the words of the ring.
    """
    # Both sums are taken at once and the sign of one chooses: a single carry chain deep.
    further = Signal(ADDRESS_BITS, name=f"{name}_further")
    wrapped = Signal(signed(ADDRESS_BITS + 2), name=f"{name}_wrapped")
    m.d.comb += [further.eq(offset + stride), wrapped.eq(offset + wrap)]
    return Mux(wrapped < 0, further, wrapped[:ADDRESS_BITS])
