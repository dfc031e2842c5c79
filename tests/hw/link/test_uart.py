# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The serial line, both ways, at baud rates that are nearly right."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.link.baud import phase_step
from dpu_hw.link.uart_receiver import UartReceiver
from dpu_hw.link.uart_transmitter import UartTransmitter
from tests.hw.link.serial_line import SerialLine

CLOCK = 1e-6
#: Clock and baud rate: whole numbers of clocks a bit, and others.
RATES = [(4, 1), (9, 2), (80, 3), (50, 3), (25, 3), (5000, 1152)]


def run(dut, *processes):
    simulator = Simulator(dut)
    simulator.add_clock(CLOCK)
    for process in processes[:-1]:
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(processes[-1])
    simulator.run()


async def take(ctx, output, found):
    ctx.set(output.ready, 1)
    while True:
        _, _, valid, byte = await ctx.tick().sample(output.valid, output.payload)
        if valid:
            found.append(byte)


def receiver(clock, baud, *, error=0.0):
    """Return a receiver, its line, the list of what it receives, and the process that collects."""
    dut = UartReceiver(clock_hertz=clock, baud=baud)
    line = SerialLine(dut.rx, None, bit=clock / baud * (1 + error) * CLOCK, clock=CLOCK)
    found = []

    async def collect(ctx):
        await take(ctx, dut.o, found)

    return dut, line, found, collect


@pytest.mark.parametrize(("clock", "baud"), RATES)
@pytest.mark.parametrize("error", [-0.02, 0.0, 0.02])
def test_receives_at_baud_rates_that_are_two_percent_off(clock, baud, error):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    data = bytes([0, 255, 0x55, 0xAA]) + source.randbytes(60)
    dut, line, found, collect = receiver(clock, baud, error=error)

    async def send(ctx):
        await ctx.delay(20.3 * CLOCK)
        for byte in data:
            await line.send(ctx, [byte])
            if source.random() < 0.3:
                await ctx.delay(source.random() * 3 * line.bit)
        await ctx.tick().repeat(30)

    run(dut, collect, send)
    assert bytes(found) == data


@pytest.mark.parametrize(("clock", "baud"), RATES)
def test_sends_what_another_end_understands(clock, baud):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    data = bytes([0, 255, 0x55, 0xAA]) + source.randbytes(40)
    dut = UartTransmitter(clock_hertz=clock, baud=baud)
    error = source.uniform(-0.02, 0.02)
    line = SerialLine(None, dut.tx, bit=clock / baud * (1 + error) * CLOCK, clock=CLOCK)

    async def send(ctx):
        for byte in data:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            if source.random() < 0.3:
                await ctx.tick().repeat(source.randrange(1, 3 * clock // baud))
        await ctx.tick().until(dut.i.ready)
        await ctx.tick().repeat(2 * clock // baud)

    run(dut, line.receive, send)
    assert bytes(line.received) == data
    assert not line.broken


def test_a_bit_lasts_what_the_rate_says():
    dut = UartTransmitter(clock_hertz=80_000_000, baud=3_000_000)
    edges = []

    async def watch(ctx):
        last, cycle = 1, 0
        while True:
            _, _, level = await ctx.tick().sample(dut.tx)
            cycle += 1
            if level != last:
                edges.append(cycle)
            last = level

    async def send(ctx):
        ctx.set(dut.i.payload, 0x55)
        ctx.set(dut.i.valid, 1)
        await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(300)

    run(dut, watch, send)
    # Start, 1, 0, 1, 0, 1, 0, 1, 0, stop: an edge at each of nine bits and at the first.
    assert len(edges) == 10
    for index, edge in enumerate(edges):
        assert abs(edge - edges[0] - index * 80 / 3) <= 1


def test_breaks_and_bytes_without_stop_bit_are_left_out():
    dut, line, found, collect = receiver(80, 3)

    async def send(ctx):
        await ctx.delay(10 * CLOCK)
        await line.send(ctx, b"a")
        for byte in b"\x31\x7f":
            await line.send(ctx, [byte], stop=0)
            await ctx.delay(2 * line.bit)
        await line.send(ctx, b"b")
        ctx.set(line.rx, 0)
        await ctx.delay(100 * line.bit)
        ctx.set(line.rx, 1)
        await ctx.delay(line.bit)
        await line.send(ctx, b"c")
        await ctx.tick().repeat(30)

    run(dut, collect, send)
    assert bytes(found) == b"abc"


def test_a_short_pulse_is_no_start_bit():
    dut, line, found, collect = receiver(80, 3)

    async def send(ctx):
        await ctx.delay(10 * CLOCK)
        ctx.set(line.rx, 0)
        await ctx.delay(0.3 * line.bit)
        ctx.set(line.rx, 1)
        await ctx.delay(0.5 * line.bit)
        await line.send(ctx, b"x")
        await ctx.tick().repeat(30)

    run(dut, collect, send)
    assert bytes(found) == b"x"


def test_a_byte_that_nobody_takes_stays_and_the_next_is_lost():
    dut, line, _, _ = receiver(4, 1)

    async def send(ctx):
        await line.send(ctx, b"12")
        await ctx.delay(5 * line.bit)
        await ctx.tick()
        assert ctx.get(dut.o.valid)
        assert ctx.get(dut.o.payload) == ord("1")
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        ctx.set(dut.o.ready, 0)
        assert not ctx.get(dut.o.valid)
        await line.send(ctx, b"3")
        await ctx.tick().repeat(4)
        assert ctx.get(dut.o.payload) == ord("3")

    run(dut, send)


def test_rates_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"3000000 baud .* 10000000 Hz are 3\.33 clocks"):
        phase_step(clock_hertz=10_000_000, baud=3_000_000)
    with pytest.raises(ValueError, match=r"300 baud .* 100000000 Hz would be off by"):
        phase_step(clock_hertz=100_000_000, baud=300)
    with pytest.raises(ValueError, match="must be positive"):
        phase_step(clock_hertz=100_000_000, baud=0)
