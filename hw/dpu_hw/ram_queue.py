# SPDX-License-Identifier: Apache-2.0
"""A stream FIFO whose payloads come straight out of distributed RAM."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["RamQueue"]


class RamQueue(wiring.Component):
    """Hold payloads of a stream, in order.

    Of the same timing as :class:`dpu_hw.queue.Queue`, but ``o.payload`` comes out of the RAM and
    not from registers. That saves a register and a multiplexer for each bit, where whoever reads
    it does little more than to keep it.

    Parameters
    ----------
    shape : :ref:`shape-like <lang-shapelike>`
        Payload.
    depth : :class:`int`
        Payloads it holds: a power of two.

    Members
    -------
    i : :py:`In(stream.Signature(shape))`
        Written; ``ready`` comes from a register.
    o : :py:`Out(stream.Signature(shape))`
        Read, one cycle after the write; ``valid`` comes from a register.
    """

    def __init__(self, *, shape, depth):
        if not isinstance(depth, int) or depth < 1 or depth & (depth - 1):
            raise ValueError(f"Depth must be a power of two, not {depth!r}")
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
            shape=Shape.cast(self._shape).width, depth=self._depth, init=[]
        )
        write_port = storage.write_port()
        read_port = storage.read_port(domain="comb")
        produce = Signal(bits)
        consume = Signal(bits)
        full = Signal()
        write = Signal()
        read = Signal()
        m.d.comb += [
            write_port.addr.eq(produce),
            write_port.data.eq(Value.cast(self.i.payload)),
            # What is written while there is room for it counts only once it is valid.
            write_port.en.eq(~full),
            read_port.addr.eq(consume),
            Value.cast(self.o.payload).eq(read_port.data),
            self.i.ready.eq(~full),
            write.eq(self.i.valid & ~full),
            read.eq(self.o.valid & self.o.ready),
        ]
        with m.If(write):
            m.d.sync += produce.eq(produce + 1)
        with m.If(read):
            m.d.sync += consume.eq(consume + 1)
        # What comes after a write without a read, and after a read without a write. A reader may be
        # late in saying that it is one, and has but one LUT4 to go through.
        fills = Signal()
        more = Signal()
        m.d.comb += [
            fills.eq((produce + 1)[:bits] == consume),
            more.eq((consume + 1)[:bits] != produce),
        ]
        m.d.sync += [
            self.o.valid.eq(write | (self.o.valid & (more | ~self.o.ready))),
            full.eq((full | (write & fills)) & ~read),
        ]
        return m
