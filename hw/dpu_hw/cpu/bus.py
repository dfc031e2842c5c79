# SPDX-License-Identifier: Apache-2.0
"""The bus of the processor: one access at a time."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BusSignature"]


class BusSignature(wiring.Signature):
    """Accesses of a word of 32 bits, from the processor's side.

    Members
    -------
    valid : :py:`Out(1)`
        An access; it stays, with what belongs to it, until :py:`ready`.
    address : :py:`Out(32)`
        Byte address, a multiple of 4.
    data, strobe : :py:`Out(32)`, :py:`Out(4)`
        What to write, and which bytes of it; no strobe means a read.
    ready : :py:`In(1)`
        The access is done, in this cycle.
    result : :py:`In(32)`
        What was read, together with :py:`ready`.
    """

    def __init__(self):
        super().__init__(
            {
                "valid": Out(1),
                "address": Out(32),
                "data": Out(32),
                "strobe": Out(4),
                "ready": In(1),
                "result": In(32),
            }
        )
