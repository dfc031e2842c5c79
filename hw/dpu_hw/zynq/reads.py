# SPDX-License-Identifier: Apache-2.0
"""The read half of the way from AXI4 to AXI3 ports."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.axi import Axi4ReadSignature
from dpu_hw.queue import Queue
from dpu_hw.zynq.axi3 import Axi3Signature
from dpu_hw.zynq.chunks import BUFFER_BEATS, OUTSTANDING, ChunkSplitter, drive_burst

__all__ = ["Reads"]


class _Arrivals(wiring.Component):
    """Put a port's beats together to those of the bus, and hold them; there is always room.

    Members
    -------
    valid, data, response :
        A beat of the port; it is always taken.
    o_valid, o_ready, o_data, o_response :
        A beat of the bus, with the worst of its responses.
    """

    def __init__(self, *, geometry):
        self._geometry = geometry
        super().__init__(
            {
                "valid": In(1),
                "data": In(8 * geometry.port_bytes),
                "response": In(2),
                "o_valid": Out(1),
                "o_ready": In(1),
                "o_data": Out(8 * geometry.data_bytes),
                "o_response": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry = self._geometry
        beat = data.StructLayout({"data": 8 * geometry.data_bytes, "response": 2})
        m.submodules.queue = queue = Queue(shape=beat, depth=BUFFER_BEATS)
        held = Signal(8 * (geometry.data_bytes - geometry.port_bytes))
        held_response = Signal(2)
        position = Signal(range(geometry.ports))
        whole = position == geometry.ports - 1
        response = Signal(2)
        m.d.comb += [
            # SLVERR is 2, DECERR 3, so that their bits together are the worse.
            response.eq(held_response | self.response),
            queue.i.valid.eq(self.valid & whole),
            queue.i.payload.data.eq(Cat(held, self.data)),
            queue.i.payload.response.eq(response),
            self.o_valid.eq(queue.o.valid),
            queue.o.ready.eq(self.o_ready),
            self.o_data.eq(queue.o.payload.data),
            self.o_response.eq(queue.o.payload.response),
        ]
        with m.If(self.valid):
            m.d.sync += [
                held.eq(Cat(held, self.data)[8 * geometry.port_bytes :]),
                held_response.eq(Mux(whole, 0, response)),
                position.eq(Mux(whole, 0, position + 1)),
            ]
        return m


class Reads(wiring.Component):
    """Read by the ports what is asked for on the bus; data comes back in order.

    There is room for the data of all chunks under way, so that a port's data is always taken: no
    port's answers ever wait for another port's.

    Parameters
    ----------
    geometry : :class:`dpu_hw.zynq.chunks.Geometry`
        Widths.

    Members
    -------
    axi : :py:`In(Axi4ReadSignature(data_bytes=geometry.data_bytes))`
        The bus.
    ports : :py:`Out(Axi3Signature(data_bytes=geometry.port_bytes)).array(geometry.ports)`
        The ports; their write channels are idle.
    """

    def __init__(self, *, geometry):
        self._geometry = geometry
        port = Axi3Signature(data_bytes=geometry.port_bytes)
        super().__init__(
            {
                "axi": In(Axi4ReadSignature(data_bytes=geometry.data_bytes)),
                "ports": Out(port).array(geometry.ports),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry = self._geometry
        axi = self.axi
        m.submodules.splitter = splitter = ChunkSplitter(geometry=geometry)
        m.submodules.order = order = Queue(shape=geometry.chunk_layout(), depth=OUTSTANDING)
        m.d.comb += [
            splitter.i.valid.eq(axi.arvalid),
            axi.arready.eq(splitter.i.ready),
            splitter.i.payload.address.eq(axi.araddr),
            splitter.i.payload.more.eq(axi.arlen),
        ]
        chunk = splitter.o.payload
        head = order.o.payload
        sent = Signal(range(geometry.chunk_beats))
        final = Signal()
        m.d.comb += [
            order.i.payload.eq(chunk),
            final.eq(sent == head.more),
            axi.rlast.eq(final & head.last),
            order.o.ready.eq(axi.rvalid & axi.rready & final),
        ]
        with m.If(axi.rvalid & axi.rready):
            m.d.sync += sent.eq(Mux(final, 0, sent + 1))
        for index, port in enumerate(self.ports):
            requests = Queue(shape=geometry.chunk_layout(), depth=2)
            m.submodules[f"requests_{index}"] = requests
            m.submodules[f"arrivals_{index}"] = arrivals = _Arrivals(geometry=geometry)
            drive_burst(m, geometry, port, "ar", requests.o)
            m.d.comb += [
                requests.i.payload.eq(chunk),
                port.rready.eq(1),
                arrivals.valid.eq(port.rvalid),
                arrivals.data.eq(port.rdata),
                arrivals.response.eq(port.rresp),
            ]
            with m.If(chunk.port == index):
                go = order.i.ready & requests.i.ready
                m.d.comb += splitter.o.ready.eq(go)
                with m.If(splitter.o.valid & go):
                    m.d.comb += [
                        order.i.valid.eq(1),
                        requests.i.valid.eq(1),
                    ]
            with m.If(head.port == index):
                m.d.comb += [
                    axi.rvalid.eq(order.o.valid & arrivals.o_valid),
                    axi.rdata.eq(arrivals.o_data),
                    axi.rresp.eq(arrivals.o_response),
                    arrivals.o_ready.eq(order.o.valid & axi.rready),
                ]
        return m
