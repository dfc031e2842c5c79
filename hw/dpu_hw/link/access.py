# SPDX-License-Identifier: Apache-2.0
"""One access to one word, as the parts of the link hand it on."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AccessSignature"]


class AccessSignature(wiring.Signature):
    """Accesses to 32-bit words, one at a time, from the master's side.

    The master holds ``valid``, ``write``, ``address`` and ``data`` until ``done`` is 1. Where it
    lets go of ``valid`` before, the access is carried out or not, and its answer is lost.

    Members
    -------
    valid : :py:`Out(1)`
        An access is wanted.
    write : :py:`Out(1)`
        It writes.
    address : :py:`Out(32)`
        Word, counted in words.
    data : :py:`Out(32)`
        What a write writes.
    done : :py:`In(1)`
        The access ends in this cycle.
    error : :py:`In(1)`
        With ``done``: it failed; a read then counts as 0.
    result : :py:`In(32)`
        With ``done`` and without ``error``: what a read has read.
    """

    def __init__(self):
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "address": Out(32),
                "data": Out(32),
                "done": In(1),
                "error": In(1),
                "result": In(32),
            }
        )
