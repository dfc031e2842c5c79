# SPDX-License-Identifier: Apache-2.0
"""Fetching the instruction streams from DRAM."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.control.layouts import ENGINE_BITS, ENGINES, fetch_bytes, stream_layout
from dpu_hw.dma.layouts import run_layout
from dpu_hw.queue import Queue
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES

__all__ = ["Fetch", "request_layout"]

#: Bytes that instructions, and their offsets, are multiples of.
_UNIT = 16
#: Requests in flight.
_REQUESTS = 16
#: Requests in flight from which on only engines without instructions get more.
_CALM_REQUESTS = 2


def request_layout(queue):
    """Return the layout of a note of a request: whose instructions, and how many more than one."""
    return data.StructLayout({"engine": ENGINE_BITS, "more": range(queue)})


class Fetch(wiring.Component):
    """Decide which instructions to fetch next, several of one stream at a time.

    An engine whose queue is empty goes before those whose queues are half empty; equals take turns.
    The latter have few requests in flight, and streams begin with one instruction (that of loads
    with several), so that at the start of a run the first loads don't wait for instructions that
    are not needed yet.

    The requests of a stream take up room in its queue from the beginning, so that the data never
    waits.

    Parameters
    ----------
    queue : :class:`int`
        Instructions that each engine's queue holds.

    Members
    -------
    select : :py:`Out(ENGINE_BITS)`
        The engine whose stream is asked for.
    stream : :py:`In(stream_layout())`
        Its stream, in the same cycle.
    taken : :py:`In(ENGINES)`
        Pulse for each engine: an instruction has left its queue.
    runs : :py:`Out(stream.Signature(run_layout()))`
        Bytes to fetch from the program window.
    requests : :py:`Out(stream.Signature(request_layout(queue)))`
        A note of each run.
    empty : :py:`Out(ENGINES)`
        Nothing of the engine's stream is queued, requested or left.
    """

    def __init__(self, *, queue):
        self._queue = queue
        super().__init__(
            {
                "select": Out(ENGINE_BITS),
                "stream": In(stream_layout()),
                "taken": In(ENGINES),
                "runs": Out(stream.Signature(run_layout())),
                "requests": Out(stream.Signature(request_layout(queue))),
                "empty": Out(ENGINES),
            }
        )

    @property
    def queue(self):
        """Instructions that each engine's queue holds."""
        return self._queue

    def elaborate(self, platform):
        m = Module()
        chunk = self._queue // 2

        # How far each stream has come, in distributed RAM: one engine is looked at at a time.
        m.submodules.progress = progress = memory.Memory(
            shape=stream_layout(), depth=1 << ENGINE_BITS, init=[]
        )
        read = progress.read_port(domain="comb")
        write = progress.write_port()
        fresh = Signal(ENGINES, init=-1)
        finished = Signal(ENGINES)

        free = [
            Signal(range(self._queue + 1), init=self._queue, name=f"free_{e.name.lower()}")
            for e in Engine
        ]
        needy = Signal(ENGINES)
        starved = Signal(ENGINES)
        m.d.comb += [
            needy.eq(Cat(f >= chunk for f in free) & ~finished),
            starved.eq(Cat(f == self._queue for f in free) & ~finished),
            self.empty.eq(Cat(f == self._queue for f in free) & finished),
        ]

        m.submodules.notes = notes = Queue(shape=request_layout(self._queue), depth=_REQUESTS)
        wiring.connect(m, notes.o, wiring.flipped(self.requests))
        flying = Signal(range(_REQUESTS + 1))
        calm = Signal(init=1)  # there are few of them
        put = notes.i.valid & notes.i.ready
        get = notes.o.valid & notes.o.ready
        with m.If(put ^ get):
            m.d.sync += [
                flying.eq(flying + Cat(1, get.replicate(len(flying) - 1))),
                calm.eq(Mux(put, flying < _CALM_REQUESTS - 1, flying <= _CALM_REQUESTS)),
            ]

        engine = Signal(ENGINE_BITS)
        wanted = Signal(ENGINES)
        previous = Signal(ENGINE_BITS, init=ENGINES - 1)
        state = Signal(stream_layout(), reset_less=True)
        limit = Signal(range(chunk + 1))
        amount = Signal(range(chunk + 1))
        count = Signal(range(chunk + 1))
        # More of them are left than may be fetched.
        most = state.count[: len(limit)]
        many = Signal(reset_less=True)  # that bits above those are set
        behind = Signal()
        m.d.comb += [
            behind.eq(many | (most > limit)),
            amount.eq(Mux(behind, limit, most)),
            self.select.eq(engine),
            read.addr.eq(engine),
        ]
        reserve = Signal()
        ends = Signal(ENGINES)  # whose stream leaves nothing behind this request
        # What the request takes from each engine's queue. The DMA's readiness comes late, so that
        # all is added up before.
        takes = [Signal.like(count, name=f"takes_{e.name.lower()}") for e in Engine]
        for own in Engine:
            more = free[own] + self.taken[own]
            m.d.sync += free[own].eq(Mux(reserve, more - takes[own], more))

        run = self.runs.payload
        # Of the request, in the units that all instructions are multiples of.
        size = Signal(range(fetch_bytes(self._queue) // _UNIT + 1))
        more_units = Signal.like(size, reset_less=True)
        with m.Switch(engine):
            for own in Engine:
                with m.Case(own):
                    # Written as a product this would take a DSP block.
                    units = INSTRUCTION_BYTES[own] // _UNIT
                    shifted = [amount << b for b in range(units.bit_length()) if units >> b & 1]
                    m.d.comb += size.eq(sum(shifted))
        m.d.comb += [
            run.window.eq(0),
            run.offset.eq(state.offset),
            run.more.eq(Cat(C(_UNIT - 1, exact_log2(_UNIT)), more_units)),
            run.last.eq(1),
            run.owner.eq(engine),
            notes.i.payload.engine.eq(engine),
            notes.i.payload.more.eq(count - 1),
            write.addr.eq(engine),
            # Its last byte's offset and one.
            write.data.offset.eq((Cat(1, state.offset) + Cat(1, run.more)) >> 1),
            write.data.count.eq(state.count - count),
        ]
        with m.FSM():
            with m.State("CHOOSE"):
                m.d.sync += wanted.eq(Mux(starved.any(), starved, Mux(calm, needy, 0)))
                with m.If(starved.any() | (calm & needy.any())):
                    m.next = "PICK"
            with m.State("PICK"):
                # The first one after the engine that was served last.
                with m.Switch(previous):
                    for last in Engine:
                        with m.Case(last):
                            for i in reversed(range(ENGINES)):
                                index = (last + 1 + i) % ENGINES
                                with m.If(wanted[index]):
                                    m.d.sync += engine.eq(index)
                m.next = "LOOK UP"
            with m.State("LOOK UP"):
                # Instructions begin at whole beats of the widest bus.
                aligned = data.View(stream_layout(), self.stream.as_value() & ~C(_UNIT - 1, 64))
                is_fresh = fresh.bit_select(engine, 1)
                high = slice(len(limit), None)
                m.d.sync += [
                    state.eq(Mux(is_fresh, aligned, read.data)),
                    # Of both, since which of them it is comes late.
                    many.eq(
                        Mux(is_fresh, self.stream.count[high].any(), read.data.count[high].any())
                    ),
                    fresh.bit_select(engine, 1).eq(0),
                    previous.eq(engine),
                    limit.eq(
                        Mux(fresh.bit_select(engine, 1) & (engine != Engine.LOAD), 1, chunk),
                    ),
                ]
                m.next = "COUNT"
            with m.State("COUNT"):
                m.d.sync += [
                    count.eq(amount),
                    ends.eq(Mux(behind, 0, C(1, ENGINES) << engine)),
                    more_units.eq(size - 1),
                    *(takes[own].eq(Mux(engine == own, amount, 0)) for own in Engine),
                ]
                m.next = "REQUEST"
                with m.If(~behind & (most == 0)):
                    m.d.sync += finished.bit_select(engine, 1).eq(1)
                    m.next = "CHOOSE"
            with m.State("REQUEST"):
                m.d.comb += [
                    self.runs.valid.eq(notes.i.ready),
                    reserve.eq(self.runs.valid & self.runs.ready),
                    notes.i.valid.eq(reserve),
                    write.en.eq(reserve),
                ]
                with m.If(reserve):
                    m.d.sync += finished.eq(finished | ends)
                    m.next = "CHOOSE"
        return m
