# SPDX-License-Identifier: Apache-2.0
"""A stream FIFO in block RAM that needn't be filled to the last place."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["BeatBuffer"]


class BeatBuffer(wiring.Component):
    """Hold payloads of a stream, in order.

    A block RAM's level takes long to compare, so that whether there is room comes a cycle late, and
    two places may stay empty. As it is never quite full, its pointers tell whether it is empty.

    Parameters
    ----------
    shape : :ref:`shape-like <lang-shapelike>`
        Payload.
    depth : :class:`int`
        Payloads it holds: a power of two from 4 on.

    Members
    -------
    i : :py:`In(stream.Signature(shape))`
        Written; ``ready`` comes from a register, and isn't set in the first cycle.
    o : :py:`Out(stream.Signature(shape))`
        Read, two cycles after the write.
    """

    def __init__(self, *, shape, depth):
        if not isinstance(depth, int) or depth < 4 or depth & (depth - 1):
            raise ValueError(f"Depth must be a power of two from 4 on, not {depth!r}")
        self._shape = shape
        self._depth = depth
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

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
        bits = exact_log2(self._depth)
        m.submodules.storage = storage = memory.Memory(
            shape=Shape.cast(self._shape).width,
            depth=self._depth,
            init=[],
            # Only what was written in an earlier cycle is read.
            attrs={"no_rw_check": 1},
        )
        write_port = storage.write_port()
        read_port = storage.read_port()
        produce = Signal(bits)
        consume = Signal(bits)
        level = Signal(bits + 1)
        write = Signal()
        read = Signal()
        fetch = Signal()
        m.d.comb += [
            write.eq(self.i.valid & self.i.ready),
            read.eq(self.o.valid & self.o.ready),
            # The RAM's output is a register, which is filled again as it is read.
            fetch.eq((produce != consume) & (~self.o.valid | self.o.ready)),
            write_port.addr.eq(produce),
            write_port.data.eq(Value.cast(self.i.payload)),
            write_port.en.eq(write),
            read_port.addr.eq(consume),
            read_port.en.eq(fetch),
            Value.cast(self.o.payload).eq(read_port.data),
        ]
        m.d.sync += self.i.ready.eq(level < self._depth - 2)
        with m.If(write):
            m.d.sync += produce.eq(produce + 1)
        with m.If(fetch):
            m.d.sync += [consume.eq(consume + 1), self.o.valid.eq(1)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(write ^ read):
            m.d.sync += level.eq(level + Cat(1, read.replicate(bits)))
        return m
