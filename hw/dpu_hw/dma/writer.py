# SPDX-License-Identifier: Apache-2.0
"""The AXI4 write master."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.axi import BURST_INCREMENT, CACHE, Axi4WriteSignature
from dpu_hw.dma.beat_buffer import BeatBuffer
from dpu_hw.dma.layouts import burst_layout, strobed_layout
from dpu_hw.queue import Queue

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Write bursts, each once all its data is here, so that it never stalls the bus half-way.

    After ``stop``, or an error, no burst is begun any more; those in flight are completed with
    their data. Resetting the writer is safe when it is idle.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data bus in bytes.
    outstanding : :class:`int`
        Bursts in flight.
    burst_beats : :class:`int`
        Beats of the longest burst. Twice as many are buffered.

    Members
    -------
    axi : :py:`Out(Axi4WriteSignature(data_bytes=data_bytes))`
        The bus.
    bursts : :py:`In(stream.Signature(burst_layout()))`
        Bursts.
    beats : :py:`In(stream.Signature(strobed_layout(data_bytes=data_bytes)))`
        Their data, ahead of the bursts or behind them.
    stop : :py:`In(1)`
        Finish what is in flight.
    idle : :py:`Out(1)`
        Nothing is in flight.
    done : :py:`Out(1)`
        Pulse: the memory has answered all bursts up to one marked as an instruction's last.
    error : :py:`Out(1)`
        A burst was answered with an error; stays set.
    transfer : :py:`Out(1)`
        A beat went in this cycle.
    """

    def __init__(self, *, data_bytes, outstanding, burst_beats):
        self._data_bytes = data_bytes
        self._outstanding = outstanding
        self._burst_beats = burst_beats
        super().__init__(
            {
                "axi": Out(Axi4WriteSignature(data_bytes=data_bytes)),
                "bursts": In(stream.Signature(burst_layout())),
                "beats": In(stream.Signature(strobed_layout(data_bytes=data_bytes))),
                "stop": In(1),
                "idle": Out(1),
                "done": Out(1),
                "error": Out(1),
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
    def burst_beats(self):
        """Beats of the longest burst."""
        return self._burst_beats

    def elaborate(self, platform):
        m = Module()
        axi = self.axi
        m.submodules.buffer = buffer = BeatBuffer(
            shape=strobed_layout(data_bytes=self._data_bytes), depth=2 * self._burst_beats
        )
        # Bursts whose data goes out, and bursts that wait for their response.
        lengths = data.StructLayout({"more": 8})
        m.submodules.lengths = lengths = Queue(shape=lengths, depth=self._outstanding)
        marks = data.StructLayout({"last": 1})
        m.submodules.answers = answers = Queue(shape=marks, depth=self._outstanding)
        m.d.comb += [
            buffer.i.valid.eq(self.beats.valid),
            buffer.i.payload.eq(self.beats.payload),
            self.beats.ready.eq(buffer.i.ready),
        ]

        # Beats in the buffer that belong to no burst yet.
        spare = Signal(range(2 * self._burst_beats + 3))
        burst = self.bursts.payload
        issue = Signal()
        arrive = Signal()
        enough = Signal()
        address = Signal.like(axi.awaddr, reset_less=True)
        m.d.comb += [
            axi.awaddr.eq(address),
            axi.awsize.eq(exact_log2(self._data_bytes)),
            axi.awburst.eq(BURST_INCREMENT),
            axi.awcache.eq(CACHE),
            enough.eq(spare > burst.more),
            issue.eq(
                self.bursts.valid
                & enough
                & (axi.awready | ~axi.awvalid)
                & lengths.i.ready
                & answers.i.ready
                & ~self.stop
                & ~self.error
            ),
            self.bursts.ready.eq(issue),
            arrive.eq(self.beats.valid & self.beats.ready),
            lengths.i.valid.eq(issue),
            lengths.i.payload.more.eq(burst.more),
            answers.i.valid.eq(issue),
            answers.i.payload.last.eq(burst.last),
        ]
        # Less a burst's beats, which are one more than it says.
        change = Mux(issue, ~burst.more, 0)
        m.d.sync += spare.eq((Cat(1, spare) + Cat(arrive, change).as_signed()) >> 1)
        with m.If(axi.awready):
            m.d.sync += axi.awvalid.eq(0)
        with m.If(issue):
            m.d.sync += [
                axi.awvalid.eq(1),
                address.eq(burst.address),
                axi.awlen.eq(burst.more),
            ]

        # The last beat of a burst is found by counting up, so that a burst needs no loading.
        sent = Signal(8)
        m.d.comb += [
            axi.wvalid.eq(buffer.o.valid & lengths.o.valid),
            axi.wdata.eq(buffer.o.payload.data.as_value()),
            axi.wstrb.eq(buffer.o.payload.strobe),
            axi.wlast.eq(sent == lengths.o.payload.more),
            self.transfer.eq(axi.wvalid & axi.wready),
            buffer.o.ready.eq(axi.wready & lengths.o.valid),
            lengths.o.ready.eq(self.transfer & axi.wlast),
        ]
        with m.If(self.transfer):
            m.d.sync += sent.eq(Mux(axi.wlast, 0, sent + 1))

        m.d.comb += [
            axi.bready.eq(1),
            answers.o.ready.eq(axi.bvalid),
            self.idle.eq(~axi.awvalid & ~answers.o.valid),
        ]
        m.d.sync += self.done.eq(axi.bvalid & answers.o.payload.last & ~axi.bresp[1] & ~self.error)
        with m.If(axi.bvalid & axi.bresp[1]):
            m.d.sync += self.error.eq(1)
        return m
