# SPDX-License-Identifier: Apache-2.0
"""A stream FIFO with the shape of its payload."""

from amaranth import *
from amaranth.lib import fifo, memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Queue"]

#: From this depth on a block RAM pays.
_BLOCK_RAM_DEPTH = 64


class Queue(wiring.Component):
    """Hold payloads of a stream, in order.

    Up to a depth of 63 everything that leaves comes from registers, so that the logic of both
    neighbours begins with them.

    Parameters
    ----------
    shape : :ref:`shape-like <lang-shapelike>`
        Payload.
    depth : :class:`int`
        Payloads it holds. Below 64 it is registers and distributed RAM, else block RAM.

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
        if self._depth < _BLOCK_RAM_DEPTH:
            self._from_registers(m)
        else:
            self._from_block_ram(m)
        return m

    def _from_block_ram(self, m):
        # The library's FIFO carries plain bits and would connect to any stream of the same width.
        m.submodules.fifo = buffer = fifo.SyncFIFOBuffered(
            width=Shape.cast(self._shape).width, depth=self._depth
        )
        m.d.comb += [
            buffer.w_data.eq(Value.cast(self.i.payload)),
            buffer.w_en.eq(self.i.valid),
            self.i.ready.eq(buffer.w_rdy),
            Value.cast(self.o.payload).eq(buffer.r_data),
            self.o.valid.eq(buffer.r_rdy),
            buffer.r_en.eq(self.o.ready),
            self.level.eq(buffer.level),
        ]

    def _from_registers(self, m):
        """The oldest payload is in a register, all others wait behind it."""
        # Bit k: more than k payloads are held. All that is to be known is a bit of it.
        held = Signal(self._depth)
        waiting = held[1] if self._depth > 1 else C(0)
        write = Signal()
        read = Signal()
        oldest = Signal(Shape.cast(self._shape).width, reset_less=True)
        m.d.comb += [
            self.i.ready.eq(~held[-1]),
            self.o.valid.eq(held[0]),
            Value.cast(self.o.payload).eq(oldest),
            self.level.eq(sum(held)),
            write.eq(self.i.valid & self.i.ready),
            read.eq(self.o.valid & self.o.ready),
        ]
        with m.If(write ^ read):
            m.d.sync += held.eq(Mux(write, Cat(C(1, 1), held), held[1:]))

        payload = Value.cast(self.i.payload)
        following = payload if self._depth == 1 else self._behind(m, waiting, write, read)
        # Nothing of value is overwritten while there is nothing.
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += oldest.eq(Mux(waiting, following, payload))

    def _behind(self, m, waiting, write, read):
        """Hold what is written behind the oldest; return the first of it."""
        depth = self._depth - 1
        payload = Value.cast(self.i.payload)
        if depth == 1:
            second = Signal(len(payload), reset_less=True)
            with m.If(write):
                m.d.sync += second.eq(payload)
            return second
        m.submodules.storage = storage = memory.Memory(shape=len(payload), depth=depth, init=[])
        write_port = storage.write_port()
        read_port = storage.read_port(domain="comb")
        # A payload that goes straight to the register is written too, but its place isn't used up.
        keep = Signal()
        m.d.comb += [
            keep.eq(write & self.o.valid & (waiting | ~self.o.ready)),
            write_port.addr.eq(_place(m, "produce", keep, depth)),
            write_port.data.eq(payload),
            write_port.en.eq(write),
            read_port.addr.eq(_place(m, "consume", read & waiting, depth)),
        ]
        return read_port.data


def _place(m, name, advance, depth):
    """Return a register that counts round, one step in each cycle with ``advance``."""
    place = Signal(range(depth), name=name)
    with m.If(advance):
        m.d.sync += place.eq(Mux(place == depth - 1, 0, place + 1))
    return place
