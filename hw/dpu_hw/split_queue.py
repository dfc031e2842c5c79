# SPDX-License-Identifier: Apache-2.0
"""A stream FIFO of any depth whose payloads come out of distributed RAM, or parts of them."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SplitQueue"]


class SplitQueue(wiring.Component):
    """Hold payloads of a stream, in order.

    Of the same timing as :class:`dpu_hw.queue.Queue`, but what isn't ``registered`` comes out of
    the RAM and not from registers, as all does that leaves a :class:`dpu_hw.ram_queue.RamQueue`.
    That is for fields with little to do on their way beside others with more, and for any depth.

    Parameters
    ----------
    shape : :ref:`shape-like <lang-shapelike>`
        Payload.
    depth : :class:`int`
        Payloads it holds, 2 to 32.
    registered : :class:`tuple` of :class:`str`
        Fields of a :class:`data.StructLayout` that come from registers all the same.

    Members
    -------
    i : :py:`In(stream.Signature(shape))`
        Written; ``ready`` is a function of registers only.
    o : :py:`Out(stream.Signature(shape))`
        Read, one cycle after the write; ``valid`` is a register.
    """

    def __init__(self, *, shape, depth, registered=()):
        if not isinstance(depth, int) or not 2 <= depth <= 32:
            raise ValueError(f"Depth must be from 2 to 32, not {depth!r}")
        if registered and not isinstance(shape, data.StructLayout):
            raise TypeError(f"Only fields of a StructLayout can be registered, not of {shape!r}")
        self._shape = shape
        self._depth = depth
        self._registered = tuple(registered)
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    @property
    def shape(self):
        """Payload."""
        return self._shape

    @property
    def depth(self):
        """Payloads it holds."""
        return self._depth

    @property
    def registered(self):
        """Fields that come from registers."""
        return self._registered

    def _split(self, payload):
        """Return the bits that come out of the RAM, and those that come from registers."""
        if not self._registered:
            return Value.cast(payload), Const(0, 0)
        parts = [], []
        for name, _ in self._shape:
            parts[name in self._registered].append(Value.cast(payload[name]))
        return Cat(parts[0]), Cat(parts[1])

    def elaborate(self, platform):
        m = Module()
        write = Signal()
        read = Signal()
        full = Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            write.eq(self.i.valid & ~full),
            read.eq(self.o.valid & self.o.ready),
        ]

        # Places go round. The queue is full if the next place is that of the oldest payload, or as
        # far behind it as there are more places than payloads.
        places = 1 << (self._depth - 1).bit_length()
        produced = Signal(range(places))
        consumed = Signal(range(places))
        following = Signal(range(places), init=1)
        next_produced = Signal(range(places))
        last = consumed
        if places != self._depth:
            last = Signal(range(places), init=self._depth)
            with m.If(read):
                m.d.sync += last.eq(last + 1)
        waiting = Signal()
        m.d.comb += [next_produced.eq(produced + 1), waiting.eq(following != produced)]
        with m.If(write):
            m.d.sync += produced.eq(next_produced)
        with m.If(read):
            m.d.sync += [consumed.eq(following), following.eq(following + 1)]
        with m.If(write & ~read):
            m.d.sync += [self.o.valid.eq(1), full.eq(next_produced == last)]
        with m.Elif(read & ~write):
            m.d.sync += [self.o.valid.eq(waiting), full.eq(0)]

        sources, targets = self._split(self.i.payload), self._split(self.o.payload)
        for name, place, source, target in zip(
            ("storage", "ahead"), (consumed, following), sources, targets, strict=True
        ):
            if not len(source):
                continue
            storage = memory.Memory(shape=len(source), depth=places, init=[])
            m.submodules[name] = storage
            write_port = storage.write_port()
            read_port = storage.read_port(domain="comb")
            m.d.comb += [
                write_port.addr.eq(produced),
                write_port.data.eq(source),
                write_port.en.eq(write),
                read_port.addr.eq(place),
            ]
            if name == "storage":
                m.d.comb += target.eq(read_port.data)
            else:
                oldest = Signal(len(source), reset_less=True)
                m.d.comb += target.eq(oldest)
                with m.If(~self.o.valid | self.o.ready):
                    m.d.sync += oldest.eq(Mux(self.o.valid & waiting, read_port.data, source))
        return m
