# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""What the processor's bus leads to: memory, DRAM, registers."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.axi import Response
from dpu_hw.cpu.memory_port import MemoryPort
from dpu_hw.cpu.on_chip_memory import OnChipMemory
from dpu_hw.cpu.own_registers import OwnRegisters
from dpu_hw.cpu.register_port import RegisterPort
from dpu_spec.memory_map import CPU_CYCLES, CPU_MEMORY_BYTES, CPU_STATUS, CPU_UART, MEMORY_BASE

LIMIT = 200


async def access(ctx, bus, address, data=0, strobe=0):
    """Make an access as the processor does; return what was read and the cycles it took."""
    ctx.set(bus.address, address)
    ctx.set(bus.data, data)
    ctx.set(bus.strobe, strobe)
    ctx.set(bus.valid, 1)
    for cycles in range(1, LIMIT):
        _, _, ready, result = await ctx.tick().sample(bus.ready, bus.result)
        if ready:
            ctx.set(bus.valid, 0)
            # The processor's next access may follow at once; its signals change in between.
            ctx.set(bus.address, 0xFFFF_FFFC)
            return result, cycles
    raise AssertionError("no answer")


def run(dut, *benches, background=()):
    sim = Simulator(dut)
    sim.add_clock(1e-8)
    for bench in benches:
        sim.add_testbench(bench)
    for bench in background:
        sim.add_testbench(bench, background=True)
    sim.run()


def test_on_chip_memory():
    source = random.Random(1)
    size = 64
    model = bytearray(source.randbytes(41) + bytes(size - 41))
    dut = OnChipMemory(size=size, firmware=bytes(model[:41]))

    async def bench(ctx):
        for _ in range(300):
            address = 4 * source.randrange(size // 4)
            data = source.getrandbits(32)
            strobe = source.choice((0, 0, 1, 3, 12, 15, source.randrange(16)))
            result, cycles = await access(ctx, dut.bus, address, data, strobe)
            assert cycles == 2
            if not strobe:
                assert result == int.from_bytes(model[address : address + 4], "little")
            for lane in range(4):
                if strobe >> lane & 1:
                    model[address + lane] = data >> (8 * lane) & 0xFF
            for _ in range(source.randrange(2)):
                await ctx.tick()

    run(dut, bench)


@pytest.mark.parametrize("size", [0, -4, 6, "4"])
def test_sizes_of_the_on_chip_memory(size):
    with pytest.raises(ValueError, match="multiple of 4"):
        OnChipMemory(size=size, firmware=b"")


def test_firmware_that_is_too_large():
    with pytest.raises(ValueError, match=r"9 bytes.*only 8"):
        OnChipMemory(size=8, firmware=bytes(9))


class AxiSlave:
    """A memory that answers at random times; addresses from ``refused`` on are errors."""

    def __init__(self, port, data_bytes, *, seed, burst, size=256, refused=192):
        self.port, self.data_bytes, self.burst, self.refused = port, data_bytes, burst, refused
        self.random = random.Random(seed)
        self.memory = bytearray(self.random.randbytes(size))

    def check(self, ctx, prefix):
        """Hold a request to the rules; return its address."""
        address = ctx.get(getattr(self.port, prefix + "addr"))
        if self.burst:
            assert address % self.data_bytes == 0
            assert ctx.get(getattr(self.port, prefix + "len")) == 0
            assert 1 << ctx.get(getattr(self.port, prefix + "size")) == self.data_bytes
            assert ctx.get(getattr(self.port, prefix + "burst")) == 1
        return address

    async def pause(self, ctx):
        for _ in range(self.random.choice((0, 0, 1, 3))):
            await ctx.tick()

    async def accept(self, ctx, name):
        """Take a transfer of a channel after a while; the request must stay."""
        valid, ready = (getattr(self.port, name + end) for end in ("valid", "ready"))
        while not ctx.get(valid):
            await ctx.tick()
        for _ in range(self.random.choice((0, 0, 1, 4))):
            await ctx.tick()
            assert ctx.get(valid)
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)

    async def reads(self, ctx):
        port = self.port
        while True:
            while not ctx.get(port.arvalid):
                await ctx.tick()
            address = self.check(ctx, "ar")
            await self.accept(ctx, "ar")
            assert not ctx.get(port.arvalid)
            await self.pause(ctx)
            bad = address >= self.refused
            data = self.memory[address : address + self.data_bytes]
            ctx.set(port.rdata, 0 if bad else int.from_bytes(data, "little"))
            ctx.set(port.rresp, Response.SLVERR if bad else Response.OKAY)
            if self.burst:
                ctx.set(port.rlast, 1)
            ctx.set(port.rvalid, 1)
            await ctx.tick().until(port.rready)
            ctx.set(port.rvalid, 0)

    async def writes(self, ctx):
        port = self.port
        while True:
            while not ctx.get(port.awvalid):
                await ctx.tick()
            address = self.check(ctx, "aw")
            data, strobe = ctx.get(port.wdata), ctx.get(port.wstrb)
            order = ["aw", "w"]
            self.random.shuffle(order)
            for name in order:
                await self.accept(ctx, name)
            await self.pause(ctx)
            bad = address >= self.refused
            for lane in range(self.data_bytes):
                if strobe >> lane & 1 and not bad:
                    self.memory[address + lane] = data >> (8 * lane) & 0xFF
            ctx.set(port.bresp, Response.DECERR if bad else Response.OKAY)
            ctx.set(port.bvalid, 1)
            await ctx.tick().until(port.bready)
            ctx.set(port.bvalid, 0)


def check_port(dut, port, data_bytes, *, base, burst, seed):
    slave = AxiSlave(port, data_bytes, seed=seed, burst=burst)
    source = random.Random(seed)
    errors = []

    async def watch(ctx):
        async for _, _, error in ctx.tick().sample(dut.error):
            errors.append(error)

    async def bench(ctx):
        for _ in range(200):
            address, data = 4 * source.randrange(64), source.getrandbits(32)
            strobe = source.choice((0, 0, 15, source.randrange(16)))
            before = bytes(slave.memory)
            expected = bytearray(before)
            for lane in range(4):
                if strobe >> lane & 1:
                    expected[address + lane] = data >> (8 * lane) & 0xFF
            count = sum(errors)
            result, _ = await access(ctx, dut.bus, base + address, data, strobe)
            bad = address >= slave.refused
            # Memory is as it must be when the access is done, not some time later.
            assert slave.memory == (before if bad else expected)
            if not strobe and not bad:
                assert result == int.from_bytes(before[address : address + 4], "little")
            assert sum(errors) == count + bad
            for _ in range(source.randrange(2)):
                await ctx.tick()

    run(dut, bench, background=(watch, slave.reads, slave.writes))


@pytest.mark.parametrize("data_bytes", [4, 8, 16])
def test_memory_port(data_bytes):
    dut = MemoryPort(data_bytes=data_bytes)
    check_port(dut, dut.axi, data_bytes, base=MEMORY_BASE, burst=True, seed=data_bytes)


def test_memory_port_reaches_all_of_the_memory():
    dut = MemoryPort(data_bytes=4)

    async def bench(ctx):
        for address in (MEMORY_BASE, 0x7FFF_FFFC, 0x8000_0000, 0xBFFF_FFFC):
            ctx.set(dut.bus.address, address)
            await ctx.delay(1e-9)
            assert ctx.get(dut.axi.araddr) == ctx.get(dut.axi.awaddr) == address - MEMORY_BASE

    run(dut, bench)


def test_register_port():
    dut = RegisterPort(address_bits=16)
    check_port(dut, dut.control, 4, base=0xF000_0000, burst=False, seed=7)


def test_uart_loses_and_doubles_nothing():
    dut = OwnRegisters(dram_bytes=1)
    source = random.Random(2)
    sent = source.randbytes(100)
    received = []

    async def bench(ctx):
        for byte in sent:
            if source.randrange(2):
                # Ask first: then the write is done at once.
                while not (await access(ctx, dut.bus, CPU_UART))[0] & 1:
                    pass
                assert (await access(ctx, dut.bus, CPU_UART, byte, 1))[1] == 2
            else:
                await access(ctx, dut.bus, CPU_UART, byte, 15)
            await ctx.tick().repeat(source.randrange(1, 4))

    async def receiver(ctx):
        # Beyond the last byte, to see that none comes twice.
        for _ in range(20 * len(sent)):
            await ctx.tick().repeat(source.randrange(1, 20))
            ctx.set(dut.uart.ready, 1)
            _, _, valid, byte = await ctx.tick().sample(dut.uart.valid, dut.uart.payload)
            ctx.set(dut.uart.ready, 0)
            if valid:
                received.append(byte)

    run(dut, bench, receiver)
    assert bytes(received) == sent


def test_status_and_counter():
    dut = OwnRegisters(dram_bytes=0x0123_4567)

    async def status(ctx):
        return (await access(ctx, dut.bus, CPU_STATUS))[0]

    async def bench(ctx):
        assert (await access(ctx, dut.bus, CPU_MEMORY_BYTES))[0] == 0x0123_4567
        assert await status(ctx) == 0
        ctx.set(dut.interrupt, 1)
        assert await status(ctx) == 1
        ctx.set(dut.interrupt, 0)
        ctx.set(dut.memory_ready, 1)
        assert await status(ctx) == 2
        ctx.set(dut.error, 1)
        await ctx.tick()
        ctx.set(dut.error, 0)
        assert await status(ctx) == 6
        await access(ctx, dut.bus, CPU_STATUS, 0, 1)
        assert await status(ctx) == 2
        first = (await access(ctx, dut.bus, CPU_CYCLES))[0]
        await ctx.tick().repeat(100)
        assert (await access(ctx, dut.bus, CPU_CYCLES))[0] == first + 102

    run(dut, bench)


@pytest.mark.parametrize("size", [0, 1 << 32, "1"])
def test_sizes_of_the_dram(size):
    with pytest.raises(ValueError, match="positive number"):
        OwnRegisters(dram_bytes=size)
