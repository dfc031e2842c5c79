# SPDX-License-Identifier: Apache-2.0
"""A stream FIFO with the shape of its payload."""

from amaranth import *
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]

#: From this depth on a block RAM pays.
_BLOCK_RAM_DEPTH = 64


class Queue(wiring.Component):
    """Hold payloads of a stream, in order.

    The library's FIFOs carry plain bits and would connect to any stream of the same width.

    Parameters
    ----------
    shape : :ref:`shape-like <lang-shapelike>`
        Payload.
    depth : :class:`int`
        Payloads it holds. Below 64 it is distributed RAM, else block RAM.

    Members
    -------
    i : :py:`In(stream.Signature(shape))`
        Written; ``ready`` is a function of registers only.
    o : :py:`Out(stream.Signature(shape))`
        Read, one cycle after the write (two, or three after a pause, from block RAM).
    level : :py:`Out(range(depth + 1))`
        Payloads held.
    """

    def __init__(self, *, shape, depth):
        if not isinstance(depth, int) or depth < 1:
            raise TypeError(f"Depth must be a positive integer, not {depth!r}")
        self._shape = shape
        self._depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
            }
        )

    @property
    def shape(self):
        """Payload."""
        return self._shape

    @property
    def depth(self):
        """Payloads it holds."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        kind = fifo.SyncFIFO if self._depth < _BLOCK_RAM_DEPTH else fifo.SyncFIFOBuffered
        m.submodules.fifo = buffer = kind(width=Shape.cast(self._shape).width, depth=self._depth)
        m.d.comb += [
            buffer.w_data.eq(Value.cast(self.i.payload)),
            buffer.w_en.eq(self.i.valid),
            self.i.ready.eq(buffer.w_rdy),
            Value.cast(self.o.payload).eq(buffer.r_data),
            self.o.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(self.o.ready),
            self.level.eq(buffer.level),
        ]
        return m
