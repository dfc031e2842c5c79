# SPDX-License-Identifier: Apache-2.0
"""The instruction queues."""

from amaranth import *
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.control.fetch import request_layout
from dpu_hw.control.layouts import ENGINE_BITS, ENGINES, chunk_layout
from dpu_hw.dma.layouts import beat_layout
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES

__all__ = ["Instructions"]


class Instructions(wiring.Component):
    """Hold the fetched instructions of all engines in one block RAM.

    An instruction leaves beat by beat once its engine's decoder has room; decoders take turns.

    Parameters
    ----------
    queue : :class:`int`
        Instructions that each engine's queue holds.
    data_bytes : :class:`int`
        Bytes of a beat.

    Members
    -------
    requests : :py:`In(stream.Signature(request_layout(queue)))`
        What is on its way, in order.
    beats : :py:`In(stream.Signature(beat_layout(data_bytes=data_bytes)))`
        The data; never refused.
    room : :py:`In(ENGINES)`
        Pulse for each engine: its decoder takes another instruction. At first each has room.
    taken : :py:`Out(ENGINES)`
        Pulse for each engine: an instruction has left its queue.
    valid : :py:`Out(1)`
        There is a ``chunk`` in this cycle.
    chunk : :py:`Out(chunk_layout(data_bytes=data_bytes))`
        A beat of an instruction, for the decoder of its engine.
    current : :py:`Out(ENGINE_BITS)`
        The engine whose instructions come next.
    """

    def __init__(self, *, queue, data_bytes):
        self._queue = queue
        self._data_bytes = data_bytes
        super().__init__(
            {
                "requests": In(stream.Signature(request_layout(queue))),
                "beats": In(stream.Signature(beat_layout(data_bytes=data_bytes))),
                "room": In(ENGINES),
                "taken": Out(ENGINES),
                "valid": Out(1),
                "chunk": Out(chunk_layout(data_bytes=data_bytes)),
                "current": Out(ENGINE_BITS),
            }
        )

    @property
    def queue(self):
        """Instructions that each engine's queue holds."""
        return self._queue

    @property
    def data_bytes(self):
        """Bytes of a beat."""
        return self._data_bytes

    def elaborate(self, platform):
        m = Module()
        beats = {e: INSTRUCTION_BYTES[e] // self._data_bytes for e in Engine}
        beat_bits = len(self.chunk.index)
        slot_bits = exact_log2(self._queue)

        def of_engine(values, engine):
            """Return the value of an engine that a signal names."""
            return Array([*values, *[0] * ((1 << ENGINE_BITS) - ENGINES)])[engine]

        m.submodules.storage = storage = memory.Memory(
            shape=8 * self._data_bytes,
            depth=1 << (ENGINE_BITS + slot_bits + beat_bits),
            init=[],
            # Only instructions that have arrived are read.
            attrs={"no_rw_check": 1},
        )
        write = storage.write_port()
        read = storage.read_port()

        # Into the queues.
        heads = [Signal(slot_bits, name=f"head_{e.name.lower()}") for e in Engine]
        tails = [Signal(slot_bits, name=f"tail_{e.name.lower()}") for e in Engine]
        request = self.requests.payload
        came = Signal.like(request.more)
        index = Signal(beat_bits)
        arrived = Signal()
        m.d.comb += [
            self.beats.ready.eq(1),
            self.current.eq(request.engine),
            write.addr.eq(Cat(index, of_engine(tails, request.engine), request.engine)),
            write.data.eq(self.beats.payload.as_value()),
            write.en.eq(self.beats.valid),
            arrived.eq(
                self.beats.valid
                & (index == of_engine([beats[e] - 1 for e in Engine], request.engine))
            ),
            self.requests.ready.eq(arrived & (came == request.more)),
        ]
        with m.If(self.beats.valid):
            m.d.sync += index.eq(Mux(arrived, 0, index + 1))
        with m.If(arrived):
            m.d.sync += came.eq(Mux(self.requests.ready, 0, came + 1))

        # Out of the queues.
        levels = [Signal(range(self._queue + 1), name=f"level_{e.name.lower()}") for e in Engine]
        roomy = Signal(ENGINES, init=-1)
        choice = Signal(ENGINE_BITS)
        reading = Signal()
        offset = Signal(beat_bits)
        final = Signal()
        ready = Signal(ENGINES)
        m.d.comb += [
            read.addr.eq(Cat(offset, of_engine(heads, choice), choice)),
            read.en.eq(reading),
            final.eq(offset == of_engine([beats[e] - 1 for e in Engine], choice)),
        ]
        # A cycle late: an instruction has two beats or more, and so is chosen every other cycle at
        # the most.
        m.d.sync += ready.eq(Cat(level != 0 for level in levels) & roomy)
        choose = Signal()
        chosen = Signal(ENGINE_BITS)
        m.d.comb += choose.eq(~reading | final)
        with m.Switch(choice):
            for last in Engine:
                with m.Case(last):
                    for i in reversed(range(ENGINES)):
                        with m.If(ready[(last + 1 + i) % ENGINES]):
                            m.d.comb += chosen.eq((last + 1 + i) % ENGINES)
        with m.If(reading):
            m.d.sync += offset.eq(offset + 1)
        with m.If(choose):
            m.d.sync += [reading.eq(ready.any()), offset.eq(0)]
            with m.If(ready.any()):
                m.d.sync += choice.eq(chosen)
        for engine in Engine:
            begins = choose & ready[engine] & (chosen == engine)
            comes = arrived & (request.engine == engine)
            leaves = reading & final & (choice == engine)
            m.d.comb += self.taken[engine].eq(leaves)
            # Counted out as it is chosen, so that it isn't chosen twice.
            with m.If(comes & ~begins):
                m.d.sync += levels[engine].eq(levels[engine] + 1)
            with m.If(begins & ~comes):
                m.d.sync += levels[engine].eq(levels[engine] - 1)
            m.d.sync += roomy[engine].eq((roomy[engine] & ~begins) | self.room[engine])
            with m.If(comes):
                m.d.sync += tails[engine].eq(tails[engine] + 1)
            with m.If(leaves):
                m.d.sync += heads[engine].eq(heads[engine] + 1)

        # A register after the RAM: its output comes late in the cycle, and goes to six decoders.
        here = Signal()
        place = Signal(len(Cat(choice, offset, final)))
        chunk = self.chunk
        beat = Signal(8 * self._data_bytes, reset_less=True)
        m.d.comb += chunk.data.eq(beat)
        m.d.sync += [here.eq(reading), place.eq(Cat(choice, offset, final)), self.valid.eq(here)]
        with m.If(here):
            m.d.sync += [
                Cat(chunk.engine, chunk.index, chunk.last).eq(place),
                beat.eq(read.data),
            ]
        return m
