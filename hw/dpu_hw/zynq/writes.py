# SPDX-License-Identifier: Apache-2.0
"""The write half of the way from AXI4 to AXI3 ports."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.axi import Axi4WriteSignature
from dpu_hw.queue import Queue
from dpu_hw.zynq.axi3 import Axi3Signature
from dpu_hw.zynq.chunks import BUFFER_BEATS, OUTSTANDING, ChunkSplitter, drive_burst

__all__ = ["Writes"]


class _Departures(wiring.Component):
    """Hold the beats of the bus for a port, and cut them into the port's.

    Members
    -------
    i_valid, i_ready, i_data, i_strobe, i_final :
        A beat of the bus, and whether it is its chunk's last.
    more, take : :py:`In(range(chunk_beats))`, :py:`Out(1)`
        The length of the chunk that goes out; it is all gone.
    valid, ready, data, strobe, last :
        A beat of the port, once the whole chunk is here.
    """

    def __init__(self, *, geometry):
        self._geometry = geometry
        super().__init__(
            {
                "i_valid": In(1),
                "i_ready": Out(1),
                "i_data": In(8 * geometry.data_bytes),
                "i_strobe": In(geometry.data_bytes),
                "i_final": In(1),
                "more": In(range(geometry.chunk_beats)),
                "take": Out(1),
                "valid": Out(1),
                "ready": In(1),
                "data": Out(8 * geometry.port_bytes),
                "strobe": Out(geometry.port_bytes),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry = self._geometry
        beat = data.StructLayout({"data": 8 * geometry.data_bytes, "strobe": geometry.data_bytes})
        m.submodules.queue = queue = Queue(shape=beat, depth=BUFFER_BEATS)
        m.d.comb += [
            queue.i.valid.eq(self.i_valid),
            self.i_ready.eq(queue.i.ready),
            queue.i.payload.data.eq(self.i_data),
            queue.i.payload.strobe.eq(self.i_strobe),
        ]
        position = Signal(range(geometry.ports))
        sent = Signal(range(geometry.chunk_beats))
        # Chunks that are here as a whole.
        chunks = Signal(range(OUTSTANDING + 1))
        fire = Signal()
        whole = position == geometry.ports - 1
        width = geometry.port_bytes
        m.d.comb += [
            self.valid.eq(queue.o.valid & (chunks != 0)),
            self.data.eq(queue.o.payload.data.word_select(position, 8 * width)),
            self.strobe.eq(queue.o.payload.strobe.word_select(position, width)),
            self.last.eq(whole & (sent == self.more)),
            fire.eq(self.valid & self.ready),
            queue.o.ready.eq(fire & whole),
            self.take.eq(fire & self.last),
        ]
        with m.If(fire):
            m.d.sync += position.eq(Mux(whole, 0, position + 1))
            with m.If(whole):
                m.d.sync += sent.eq(Mux(self.last, 0, sent + 1))
        arrived = self.i_valid & self.i_ready & self.i_final
        m.d.sync += chunks.eq(chunks + arrived - self.take)
        return m


class Writes(wiring.Component):
    """Write by the ports what comes on the bus; a burst is answered when all its chunks are.

    A chunk goes to its port once all its data is here, and the answers of all that are under way
    have room, so that no port ever waits for another.

    Parameters
    ----------
    geometry : :class:`dpu_hw.zynq.chunks.Geometry`
        Widths.

    Members
    -------
    axi : :py:`In(Axi4WriteSignature(data_bytes=geometry.data_bytes))`
        The bus. A beat is taken once its burst was.
    ports : :py:`Out(Axi3Signature(data_bytes=geometry.port_bytes)).array(geometry.ports)`
        The ports; their read channels are idle.
    """

    def __init__(self, *, geometry):
        self._geometry = geometry
        port = Axi3Signature(data_bytes=geometry.port_bytes)
        super().__init__(
            {
                "axi": In(Axi4WriteSignature(data_bytes=geometry.data_bytes)),
                "ports": Out(port).array(geometry.ports),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry = self._geometry
        layout = geometry.chunk_layout()
        axi = self.axi
        m.submodules.splitter = splitter = ChunkSplitter(geometry=geometry)
        # Chunks whose data comes from the bus, and those whose answers do from the ports.
        m.submodules.incoming = incoming = Queue(shape=layout, depth=2)
        m.submodules.order = order = Queue(shape=layout, depth=OUTSTANDING)
        wiring.connect(m, splitter.o, incoming.i)
        m.d.comb += [
            splitter.i.valid.eq(axi.awvalid),
            axi.awready.eq(splitter.i.ready),
            splitter.i.payload.address.eq(axi.awaddr),
            splitter.i.payload.more.eq(axi.awlen),
        ]

        chunk = incoming.o.payload
        taken = Signal(range(geometry.chunk_beats))
        final = Signal()
        fire = Signal()
        m.d.comb += [
            final.eq(taken == chunk.more),
            fire.eq(axi.wvalid & axi.wready),
            incoming.o.ready.eq(fire & final),
            order.i.valid.eq(fire & final),
            order.i.payload.eq(chunk),
        ]
        with m.If(fire):
            m.d.sync += taken.eq(Mux(final, 0, taken + 1))

        # The answer of a burst grows from those of its chunks, in order.
        answered = order.o.payload
        worst = Signal(2)
        answer = Signal(2)
        free = Signal()
        m.d.comb += free.eq(~axi.bvalid | axi.bready)
        with m.If(axi.bready):
            m.d.sync += axi.bvalid.eq(0)
        with m.If(order.o.valid & order.o.ready):
            m.d.sync += worst.eq(Mux(answered.last, 0, worst | answer))
            with m.If(answered.last):
                m.d.sync += [axi.bvalid.eq(1), axi.bresp.eq(worst | answer)]

        for index, port in enumerate(self.ports):
            requests = Queue(shape=layout, depth=OUTSTANDING)
            lengths = Queue(
                shape=data.StructLayout({"more": layout["more"].width}), depth=OUTSTANDING
            )
            answers = Queue(shape=data.StructLayout({"response": 2}), depth=OUTSTANDING)
            departures = _Departures(geometry=geometry)
            m.submodules[f"requests_{index}"] = requests
            m.submodules[f"lengths_{index}"] = lengths
            m.submodules[f"answers_{index}"] = answers
            m.submodules[f"departures_{index}"] = departures
            drive_burst(m, geometry, port, "aw", requests.o)
            m.d.comb += [
                departures.i_data.eq(axi.wdata),
                departures.i_strobe.eq(axi.wstrb),
                departures.i_final.eq(final),
                requests.i.payload.eq(chunk),
                lengths.i.payload.more.eq(chunk.more),
                departures.more.eq(lengths.o.payload.more),
                lengths.o.ready.eq(departures.take),
                port.wvalid.eq(departures.valid),
                departures.ready.eq(port.wready),
                port.wdata.eq(departures.data),
                port.wstrb.eq(departures.strobe),
                port.wlast.eq(departures.last),
                answers.i.valid.eq(port.bvalid),
                answers.i.payload.response.eq(port.bresp),
                # Never 0: there is room for the answers of all that are under way.
                port.bready.eq(answers.i.ready),
            ]
            with m.If(chunk.port == index):
                go = incoming.o.valid & order.i.ready & departures.i_ready & requests.i.ready
                m.d.comb += axi.wready.eq(go & lengths.i.ready)
                with m.If(fire):
                    m.d.comb += [
                        departures.i_valid.eq(1),
                        requests.i.valid.eq(final),
                        lengths.i.valid.eq(final),
                    ]
            with m.If(answered.port == index):
                m.d.comb += [
                    answer.eq(answers.o.payload.response),
                    order.o.ready.eq(answers.o.valid & (free | ~answered.last)),
                    answers.o.ready.eq(order.o.valid & (free | ~answered.last)),
                ]
        return m
