# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The driver's transport on the bridge itself: both ends of the line agree."""

import random
from collections import deque

import pytest
from amaranth.sim import Simulator

from dpu_host.errors import BusError
from dpu_host.transports.uart import UartTransport
from tests.hw.link.bench import CLOCK, MEMORY, MEMORY_BYTES, TIMEOUT, Bench

BAUD = 250_000


class SimulatedPort:
    """A serial port whose time is the simulation's."""

    def __init__(self, bench):
        self.bench = bench
        self.timeout = 1.0
        self.now = 0.0
        self.to_send = deque()
        # Called with the number of a byte and its value; returns what is sent.
        self.change = lambda number, byte: byte
        self.interrupt = 0
        self.sent = 0
        self.simulator = Simulator(bench.dut)
        self.simulator.add_clock(CLOCK)
        for process in (
            bench.memory_bus.read_side,
            bench.memory_bus.write_side,
            bench.register_bus.read_side,
            bench.register_bus.write_side,
            bench.line.receive,
            self._send,
        ):
            self.simulator.add_testbench(process, background=True)

    async def _send(self, ctx):
        ctx.set(self.bench.dut.memory_ready, 1)
        while True:
            ctx.set(self.bench.dut.interrupt, self.interrupt)
            if self.to_send:
                byte = self.change(self.sent, self.to_send.popleft())
                self.sent += 1
                await self.bench.line.send(ctx, [byte])
            else:
                await ctx.delay(20 * CLOCK)

    def write(self, data):
        self.to_send += data
        return len(data)

    def read(self, size):
        end = self.now + self.timeout
        received = self.bench.line.received
        while len(received) < size and self.now < end:
            self.now += 100 * CLOCK
            self.simulator.run_until(self.now)
        found = bytes(received[:size])
        del received[:size]
        return found

    def reset_input_buffer(self):
        self.bench.line.received.clear()

    def close(self):
        pass

    def clock(self):
        return self.now


def board(**options):
    bench = Bench(clocks=4, **options)
    port = SimulatedPort(bench)
    transport = UartTransport(port, BAUD, timeout=TIMEOUT, clock=port.clock)
    return bench, port, transport


def test_memory_and_registers_through_transport_and_bridge():
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    bench, _, transport = board(
        data_bytes=source.choice((4, 8, 16)), stall=0.4, latency=(1, 30), seed=seed
    )
    assert transport.memory_bytes == MEMORY_BYTES
    assert transport.clock_hertz == round(1 / CLOCK)
    shadow = bytearray(bench.memory.data)
    for size in (1, 7, 70, 300):
        at = source.randrange(MEMORY_BYTES - size)
        data = source.randbytes(size)
        transport.write_memory(at, data)
        shadow[at : at + size] = data
        assert bench.memory.data == shadow
        at = source.randrange(MEMORY_BYTES - size)
        assert transport.read_memory(at, size) == shadow[at : at + size]
    transport.write_register(0x40, 0x12345678)
    assert bench.registers.values == {0x40: ~0x12345678 & 0xFFFFFFFF}
    assert transport.read_register(0x40) == ~0x12345678 & 0xFFFFFFFF
    assert transport.retries == 0


def test_damaged_data_is_written_again():
    bench, port, transport = board(data_bytes=8)
    first = port.sent
    port.change = lambda number, byte: byte ^ 8 * (number == first + 25)
    transport.write_memory(64, b"some data")
    assert bench.memory.data[64:73] == b"some data"
    assert transport.retries == 1


def test_bus_errors_come_through():
    bench, _, transport = board(data_bytes=8)
    bench.refuse(MEMORY + 64)
    with pytest.raises(BusError, match="0x40000040"):
        transport.read_memory(64, 4)
    transport.read_memory(72, 4)


def test_the_interrupt_comes_through():
    _, port, transport = board(data_bytes=8)
    start = port.now
    assert not transport.wait(20_000)
    assert 20_000 * CLOCK <= port.now - start < 25_000 * CLOCK
    port.interrupt = 1
    assert transport.wait(20_000)
