# SPDX-License-Identifier: Apache-2.0
"""A register in a stream."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["StreamRegister"]


class StreamRegister(wiring.Component):
    """Hold a payload on its way, for a cycle at least.

    Parameters
    ----------
    shape : :ref:`shape-like <lang-shapelike>`
        Payload.

    Members
    -------
    i : :py:`In(stream.Signature(shape))`
        Written; ``ready`` depends on :py:`o.ready`.
    o : :py:`Out(stream.Signature(shape))`
        Read, one cycle later.
    """

    def __init__(self, *, shape):
        self._shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    @property
    def shape(self):
        """Payload."""
        return self._shape

    def elaborate(self, platform):
        m = Module()
        payload = Signal(self._shape, reset_less=True)
        m.d.comb += self.o.payload.eq(payload)
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += payload.eq(self.i.payload)
        return m
