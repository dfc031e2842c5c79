# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the stream driver and monitor themselves, on a queue."""

import random
from typing import Any

import cocotb
from amaranth.hdl import Module
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_sim.rtl.parameters import bench_parameters
from tests.rtl.support import StreamDriver, StreamMonitor, start


class Queue(wiring.Component):
    """A queue, with faults that a monitor must find."""

    def __init__(self, *, fault: str | None = None) -> None:
        self._fault = fault
        super().__init__(
            {"i": In(stream.Signature(8)), "o": Out(stream.Signature(8)), "count": Out(3)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = queue = fifo.SyncFIFO(width=8, depth=4)
        m.d.sync += self.count.eq(self.count + 1)
        valid = ~self.count[0] if self._fault == "valid" else 1
        noise = self.count if self._fault == "payload" else 0
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data ^ noise),
            self.o.valid.eq(queue.r_rdy & valid),
            queue.r_en.eq(self.o.ready & self.o.valid),
        ]
        return m


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def passes(dut: Any) -> None:
    parameters = bench_parameters()
    driver = StreamDriver(dut, "i", stall=parameters["input"])
    monitor = StreamMonitor(dut, "o", stall=parameters["output"])
    await start(dut)
    data = random.choices(range(256), k=200)
    sending = cocotb.start_soon(driver.send(*data))
    assert await monitor.receive(len(data)) == data
    await sending
