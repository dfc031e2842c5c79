# SPDX-License-Identifier: Apache-2.0
"""The memory side of a Zynq's HP ports for the C++ bench: both on one AXI4 bus, as wide as both.

Each port carries its own width in a cycle, the bus that of both, and its answers come in the order
in which the ports' requests were taken: a port that didn't take its answers would hold up the
other.
"""

from amaranth import *
from amaranth.back import verilog
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_boards.zynq_ip import CONTROL, MODULE, memory_port, write_ip
from dpu_hw.axi import Axi4Signature, AxiLiteSignature
from dpu_hw.control.registers import BUS_ADDRESS_BITS
from dpu_hw.family import Family
from dpu_hw.queue import Queue
from dpu_hw.zynq import Axi3Signature
from dpu_hw.zynq.chunks import Geometry
from dpu_sim.rtl import build_simulator

_DEPTH = 32


class HpMemory(wiring.Component):
    """Join AXI3 ports to an AXI4 bus. Their bursts are whole beats of the bus."""

    def __init__(self, *, geometry):
        self._geometry = geometry
        super().__init__(
            {
                "ports": In(Axi3Signature(data_bytes=geometry.port_bytes)).array(geometry.ports),
                "axi": Out(Axi4Signature(data_bytes=geometry.data_bytes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        reads = self._requests(m, "ar")
        writes = self._requests(m, "aw")
        self._read_data(m, reads)
        self._write_data(m, writes)
        return m

    def _chunk(self):
        bits = max(1, self._geometry.port_bits)
        return data.StructLayout({"port": bits, "more": 4})

    def _requests(self, m, prefix):
        """Take the ports' requests in turn; return whose data comes, for each of two readers."""
        axi, ports = self.axi, self.ports
        orders = []
        for name in ("data", "answers") if prefix == "aw" else ("data",):
            order = Queue(shape=self._chunk(), depth=_DEPTH)
            m.submodules[f"{prefix}_{name}"] = order
            orders.append(order)
        valid = Signal()
        address = Signal(32)
        more = Signal(4)
        turn = Signal(range(max(2, len(ports))))
        go = Signal()
        chosen = Signal.like(turn)
        any_valid = Signal()
        for step in reversed(range(len(ports))):
            for index in range(len(ports)):
                with m.If(turn == index):
                    candidate = (index + step) % len(ports)
                    with m.If(getattr(ports[candidate], prefix + "valid")):
                        m.d.comb += [chosen.eq(candidate), any_valid.eq(1)]
        m.d.comb += go.eq(
            any_valid
            & (~valid | getattr(axi, prefix + "ready"))
            & Cat(order.i.ready for order in orders).all()
        )
        values = {"valid": valid, "addr": address, "len": more, "burst": 1, "cache": 3}
        values["size"] = (self._geometry.data_bytes - 1).bit_length()
        m.d.comb += [getattr(axi, prefix + name).eq(value) for name, value in values.items()]
        with m.If(getattr(axi, prefix + "ready")):
            m.d.sync += valid.eq(0)
        for index, port in enumerate(ports):
            with m.If(go & (chosen == index)):
                length = getattr(port, prefix + "len") >> self._geometry.port_bits
                m.d.comb += getattr(port, prefix + "ready").eq(1)
                m.d.sync += [
                    valid.eq(1),
                    address.eq(getattr(port, prefix + "addr")),
                    more.eq(length),
                    turn.eq((index + 1) % len(ports)),
                ]
                for order in orders:
                    m.d.comb += [
                        order.i.valid.eq(1),
                        order.i.payload.port.eq(index),
                        order.i.payload.more.eq(length),
                    ]
        return orders

    def _read_data(self, m, orders):
        (order,) = orders
        axi = self.axi
        beat = data.StructLayout({"data": len(axi.rdata), "response": 2, "last": 1})
        m.d.comb += order.o.ready.eq(axi.rvalid & axi.rready & axi.rlast)
        for index, port in enumerate(self.ports):
            queue = Queue(shape=beat, depth=8)
            m.submodules[f"data_{index}"] = queue
            position = Signal(range(self._geometry.ports))
            whole = position == self._geometry.ports - 1
            mine = order.o.valid & (order.o.payload.port == index)
            m.d.comb += [
                queue.i.valid.eq(axi.rvalid & mine),
                queue.i.payload.data.eq(axi.rdata),
                queue.i.payload.response.eq(axi.rresp),
                queue.i.payload.last.eq(axi.rlast),
                port.rvalid.eq(queue.o.valid),
                port.rdata.eq(queue.o.payload.data.word_select(position, len(port.rdata))),
                port.rresp.eq(queue.o.payload.response),
                port.rlast.eq(queue.o.payload.last & whole),
                queue.o.ready.eq(port.rready & whole),
            ]
            with m.If(mine):
                m.d.comb += axi.rready.eq(queue.i.ready)
            with m.If(port.rvalid & port.rready):
                m.d.sync += position.eq(Mux(whole, 0, position + 1))

    def _write_data(self, m, orders):
        order, answers = orders
        axi = self.axi
        beat = data.StructLayout({"data": len(axi.wdata), "strobe": len(axi.wstrb), "last": 1})
        m.d.comb += [
            order.o.ready.eq(axi.wvalid & axi.wready & axi.wlast),
            answers.o.ready.eq(axi.bvalid & axi.bready),
        ]
        for index, port in enumerate(self.ports):
            queue = Queue(shape=beat, depth=8)
            m.submodules[f"words_{index}"] = queue
            held = Signal(len(axi.wdata) - len(port.wdata))
            held_strobe = Signal(len(axi.wstrb) - len(port.wstrb))
            position = Signal(range(self._geometry.ports))
            whole = position == self._geometry.ports - 1
            mine = order.o.valid & (order.o.payload.port == index)
            m.d.comb += [
                queue.i.valid.eq(port.wvalid & whole),
                queue.i.payload.data.eq(Cat(held, port.wdata)),
                queue.i.payload.strobe.eq(Cat(held_strobe, port.wstrb)),
                queue.i.payload.last.eq(port.wlast),
                port.wready.eq(queue.i.ready | ~whole),
            ]
            with m.If(port.wvalid & port.wready):
                m.d.sync += [
                    held.eq(Cat(held, port.wdata)[len(port.wdata) :]),
                    held_strobe.eq(Cat(held_strobe, port.wstrb)[len(port.wstrb) :]),
                    position.eq(Mux(whole, 0, position + 1)),
                ]
            with m.If(mine):
                m.d.comb += [
                    axi.wvalid.eq(queue.o.valid),
                    axi.wdata.eq(queue.o.payload.data),
                    axi.wstrb.eq(queue.o.payload.strobe),
                    axi.wlast.eq(queue.o.payload.last),
                    queue.o.ready.eq(axi.wready),
                ]
            with m.If(answers.o.valid & (answers.o.payload.port == index)):
                m.d.comb += [
                    port.bvalid.eq(axi.bvalid),
                    port.bresp.eq(axi.bresp),
                    axi.bready.eq(port.bready),
                ]


class ZynqBench(wiring.Component):
    """The packaged IP with the ports of a :class:`dpu_hw.top.Dpu`; what it would trace is 0."""

    def __init__(self, *, configuration):
        self._configuration = configuration
        super().__init__(
            {
                "axi": Out(Axi4Signature(data_bytes=configuration.axi_bytes)),
                "control": In(AxiLiteSignature(address_bits=BUS_ADDRESS_BITS)),
                "interrupt": Out(1),
                "trace": Out(wiring.Signature({"start": Out(8), "finish": Out(8)})),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry = Geometry(data_bytes=self._configuration.axi_bytes)
        m.submodules.memory = memory = HpMemory(geometry=geometry)
        connect(m, memory.axi, flipped(self.axi))
        ports = {"i_aclk": ClockSignal(), "i_aresetn": ~ResetSignal()}
        ports["o_interrupt"] = self.interrupt
        for name, member in AxiLiteSignature(address_bits=BUS_ADDRESS_BITS).members.items():
            direction = "i" if member.flow is Out else "o"
            ports[f"{direction}_{CONTROL}_{name}"] = getattr(self.control, name)
        for index, port in enumerate(memory.ports):
            for name, member in Axi3Signature(data_bytes=geometry.port_bytes).members.items():
                direction = "o" if member.flow is Out else "i"
                ports[f"{direction}_{memory_port(index)}_{name}"] = getattr(port, name)
        m.submodules.ip = Instance(MODULE, **ports)
        return m


def zynq_simulator(configuration, folder):
    """Return the simulator of the packaged IP; its files go into a folder."""
    ip = write_ip(configuration, folder, family=Family.PORTABLE)
    text = verilog.convert(ZynqBench(configuration=configuration), name="dpu", emit_src=False)
    bench = folder / "bench.v"
    bench.write_text(text)
    return build_simulator([bench, *ip])
