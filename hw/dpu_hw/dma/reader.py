# SPDX-License-Identifier: Apache-2.0
"""The AXI4 read master."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.axi import BURST_INCREMENT, CACHE, MAXIMUM_BEATS, Axi4ReadSignature
from dpu_hw.dma.layouts import beat_layout, burst_layout
from dpu_hw.queue import Queue

__all__ = ["Reader"]


class Reader(wiring.Component):
    """Read bursts for the instruction fetch and for the load engine.

    Data comes back in the order of the requests, so that a fetch waits for the data of loads that
    were requested before it; the loads' share in flight is limited for its sake. Where both have
    bursts to request, they take turns, so that neither keeps the other from the bus.

    After ``stop``, or an error, no burst is requested any more, and the data of those in flight is
    dropped. Resetting the reader is safe when it is idle.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data bus in bytes.
    outstanding : :class:`int`
        Bursts in flight.
    load_beats : :class:`int`
        No load burst is requested while so many beats of loads are in flight.

    Members
    -------
    axi : :py:`Out(Axi4ReadSignature(data_bytes=data_bytes))`
        The bus.
    i_fetch, i_load : :py:`In(stream.Signature(burst_layout()))`
        Bursts; on the bus from the next cycle on.
    o_fetch, o_load : :py:`Out(stream.Signature(beat_layout(data_bytes=data_bytes)))`
        Their data, a cycle after it came.
    stop : :py:`In(1)`
        Finish what is in flight.
    idle : :py:`Out(1)`
        Nothing is in flight.
    error_fetch, error_load : :py:`Out(1)`
        A beat was answered with an error; stays set.
    arrived : :py:`Out(16)`
        LOAD instructions whose data has all come.
    transfer : :py:`Out(1)`
        A beat came in this cycle.
    """

    def __init__(self, *, data_bytes, outstanding, load_beats):
        self._data_bytes = data_bytes
        self._outstanding = outstanding
        self._load_beats = load_beats
        beats = stream.Signature(beat_layout(data_bytes=data_bytes))
        super().__init__(
            {
                "axi": Out(Axi4ReadSignature(data_bytes=data_bytes)),
                "i_fetch": In(stream.Signature(burst_layout())),
                "i_load": In(stream.Signature(burst_layout())),
                "o_fetch": Out(beats),
                "o_load": Out(beats),
                "stop": In(1),
                "idle": Out(1),
                "error_fetch": Out(1),
                "error_load": Out(1),
                "arrived": Out(16),
                "transfer": Out(1),
            }
        )

    @property
    def data_bytes(self):
        """Width of the data bus in bytes."""
        return self._data_bytes

    @property
    def outstanding(self):
        """Bursts in flight."""
        return self._outstanding

    @property
    def load_beats(self):
        """Beats of loads in flight from which on no load burst is requested."""
        return self._load_beats

    def elaborate(self, platform):
        m = Module()
        axi = self.axi
        # Who requested the bursts in flight.
        m.submodules.flights = flights = Queue(
            shape=data.StructLayout({"load": 1, "last": 1}), depth=self._outstanding
        )
        beat = data.StructLayout({"data": 8 * self._data_bytes, "error": 1, "last": 1})
        # Two entries, so that RREADY comes from a register and beats still pass every cycle.
        m.submodules.arrivals = arrivals = Queue(shape=beat, depth=2)

        halted = Signal()
        failed = Signal()  # one of the errors
        m.d.comb += halted.eq(self.stop | failed)

        in_flight = Signal(range(self._load_beats + MAXIMUM_BEATS + 1))
        change = Signal(signed(9), init=-1)
        fewer = Signal()
        room = Signal(init=1)
        free = Signal()
        load_turn = Signal()
        yields = Signal()
        choose_fetch = Signal()
        choose_load = Signal()
        address = Signal.like(axi.araddr, reset_less=True)
        m.d.comb += [
            axi.araddr.eq(address),
            axi.arsize.eq(exact_log2(self._data_bytes)),
            axi.arburst.eq(BURST_INCREMENT),
            axi.arcache.eq(CACHE),
            free.eq((axi.arready | ~axi.arvalid) & flights.i.ready & ~halted),
            yields.eq(load_turn & self.i_load.valid & room),
            self.i_fetch.ready.eq(free & ~yields),
            choose_fetch.eq(self.i_fetch.valid & self.i_fetch.ready),
            self.i_load.ready.eq(free & room & (load_turn | ~self.i_fetch.valid)),
            choose_load.eq(self.i_load.valid & self.i_load.ready),
            flights.i.valid.eq(choose_fetch | choose_load),
            flights.i.payload.load.eq(choose_load),
            flights.i.payload.last.eq(self.i_load.payload.last),
        ]
        with m.If(axi.arready):
            m.d.sync += axi.arvalid.eq(0)
        with m.If(choose_fetch | choose_load):
            chosen = Mux(choose_fetch, self.i_fetch.payload.as_value(), self.i_load.payload)
            burst = data.View(burst_layout(), chosen)
            m.d.sync += [
                load_turn.eq(choose_fetch),
                axi.arvalid.eq(1),
                address.eq(burst.address),
                axi.arlen.eq(burst.more),
            ]

        m.d.comb += [
            axi.rready.eq(arrivals.i.ready),
            arrivals.i.valid.eq(axi.rvalid),
            arrivals.i.payload.data.eq(axi.rdata),
            arrivals.i.payload.error.eq(axi.rresp[1]),
            arrivals.i.payload.last.eq(axi.rlast),
            self.transfer.eq(axi.rvalid & axi.rready),
        ]
        arrived = arrivals.o.payload
        for_load = flights.o.payload.load
        good = Signal()
        fire = Signal()
        m.d.comb += [
            good.eq(arrivals.o.valid & ~arrived.error & ~halted),
            self.o_fetch.valid.eq(good & ~for_load),
            self.o_load.valid.eq(good & for_load),
            self.o_fetch.payload.as_value().eq(arrived.data),
            self.o_load.payload.as_value().eq(arrived.data),
            arrivals.o.ready.eq(
                ~good | Mux(for_load, self.o_load.ready, self.o_fetch.ready),
            ),
            fire.eq(arrivals.o.valid & arrivals.o.ready),
            flights.o.ready.eq(fire & arrived.last),
            self.idle.eq(~axi.arvalid & ~flights.o.valid),
        ]
        with m.If(arrivals.o.valid & arrived.error & ~halted):
            m.d.sync += [
                failed.eq(1),
                self.error_load.eq(for_load),
                self.error_fetch.eq(~for_load),
            ]
        # A cycle late, as an error is.
        complete = Signal()
        m.d.sync += [
            complete.eq(good & flights.o.ready & for_load & flights.o.payload.last),
            self.arrived.eq(self.arrived + complete),
        ]
        next_in_flight = Signal.like(in_flight)
        # A burst has one beat more than it says, so that -1 stands for none.
        m.d.comb += next_in_flight.eq((Cat(1, in_flight) + Cat(~fewer, change).as_signed()) >> 1)
        # The sum is a cycle late and so is what follows from it, which the width allows for.
        m.d.sync += [
            change.eq(Mux(choose_load, self.i_load.payload.more, -1)),
            fewer.eq(fire & for_load),
            in_flight.eq(next_in_flight),
            room.eq(next_in_flight < self._load_beats),
        ]
        return m
