# SPDX-License-Identifier: Apache-2.0
"""A bridge in simulation: a serial line on one side, memory and registers on the other."""

import random

from amaranth.sim import Simulator

from dpu_hw.axi import Response
from dpu_hw.link.bridge import UartBridge
from tests.hw.link.serial_line import SerialLine
from tests.support.link_model import LINK, MEMORY, REGISTERS, LinkModel

CLOCK = 1e-6
CLOCK_HERTZ = 1_000_000
MEMORY_BYTES = 1 << 12
#: Seconds, here 400 clocks: more than any answer of the buses takes.
TIMEOUT = 400e-6


class Slave:
    """Answers accesses of a master that makes one at a time, and holds it to the bus's rules.

    It sleeps in between, so that it costs no time. ``read`` and ``write`` are called with an
    address of the bus; what they return is what the bus carries: read data, or nothing. ``bad``
    are addresses that are answered with an error; while ``dead`` nothing is answered.
    """

    def __init__(self, bus, *, read, write, stall, latency, seed):
        self.bus = bus
        self.read, self.write = read, write
        self.stall, self.latency = stall, latency
        self.random = random.Random(seed)
        self.bad = set()
        self.dead = False
        self.accesses = 0

    async def _take(self, ctx, prefix, names):
        """Take a transfer, and return its values; they must stay until then."""
        values = [getattr(self.bus, prefix + name) for name in names]
        valid, ready = (getattr(self.bus, prefix + name) for name in ("valid", "ready"))
        held = None
        while True:
            go = not self.dead and self.random.random() >= self.stall
            ctx.set(ready, go)
            _, _, up, *now = await ctx.tick().sample(valid, *values)
            ctx.set(ready, 0)
            assert up
            assert held is None or now == held
            held = now
            if go:
                return dict(zip(names, now, strict=True))

    async def _give(self, ctx, prefix):
        await ctx.tick().repeat(self.random.randint(*self.latency))
        valid, ready = (getattr(self.bus, prefix + name) for name in ("valid", "ready"))
        ctx.set(valid, 1)
        taken = 0
        while not taken:
            _, _, taken = await ctx.tick().sample(ready)
        ctx.set(valid, 0)

    def _names(self, prefix):
        names = ("addr", "len", "size", "burst", "cache")
        return [name for name in names if hasattr(self.bus, prefix + name)]

    def _check(self, request):
        """Hold a request of AXI4 to what every memory takes: a beat of the bus's width."""
        width = len(self.bus.wstrb)
        assert request["addr"] % width == 0
        assert 1 << request.get("size", width.bit_length() - 1) == width
        assert (request.get("len", 0), request.get("burst", 1), request.get("cache", 3)) == (
            (0, 1, 3)
        )

    async def read_side(self, ctx):
        """Answer reads; a background testbench."""
        bus = self.bus
        while True:
            await ctx.posedge(bus.arvalid)
            request = await self._take(ctx, "ar", self._names("ar"))
            self._check(request)
            self.accesses += 1
            address = request["addr"]
            bad = address in self.bad
            ctx.set(bus.rresp, Response.DECERR if bad else Response.OKAY)
            ctx.set(bus.rdata, self.read(address) ^ (0x5A5A5A5A if bad else 0))
            if hasattr(bus, "rlast"):
                ctx.set(bus.rlast, 1)
            await self._give(ctx, "r")

    async def write_side(self, ctx):
        """Answer writes; a background testbench."""
        bus = self.bus
        data = ["data", "strb", *(["last"] if hasattr(bus, "wlast") else [])]
        channels = [("aw", self._names("aw")), ("w", data)]
        while True:
            await ctx.posedge(bus.awvalid)
            # Either may come first.
            found = {}
            for prefix, names in self.random.sample(channels, 2):
                found |= await self._take(ctx, prefix, names)
            self._check(found)
            assert found.get("last", 1)
            self.accesses += 1
            bad = found["addr"] in self.bad
            ctx.set(bus.bresp, Response.SLVERR if bad else Response.OKAY)
            if not bad:
                self.write(found["addr"], found["data"], found["strb"])
            await self._give(ctx, "b")


class Registers:
    """A register keeps what was written, inverted."""

    def __init__(self):
        self.values = {}

    def read(self, address):
        """Return a register's value."""
        return self.values.get(address, address * 0x01010101 & 0xFFFFFFFF)

    def write(self, address, value, strobes=0b1111):
        """Write a register."""
        assert strobes == 0b1111
        self.values[address] = ~value & 0xFFFFFFFF


class Memory:
    """Bytes behind a bus of some width."""

    def __init__(self, size, width):
        self.data = bytearray(size)
        self.width = width

    def read(self, address):
        """Return a beat."""
        assert address + self.width <= len(self.data)
        return int.from_bytes(self.data[address : address + self.width], "little")

    def write(self, address, value, strobes):
        """Write the bytes of a beat that the strobes select."""
        assert address + self.width <= len(self.data)
        for i in range(self.width):
            if strobes >> i & 1:
                self.data[address + i] = value >> 8 * i & 255


class Bench:
    """A bridge, what surrounds it, and the model that says what it should do."""

    def __init__(self, *, data_bytes=8, clocks=4, error=0.0, stall=0.0, latency=(1, 1), seed=0):
        self.dut = UartBridge(
            clock_hertz=CLOCK_HERTZ,
            baud=CLOCK_HERTZ // clocks,
            data_bytes=data_bytes,
            memory_bytes=MEMORY_BYTES,
            timeout=TIMEOUT,
        )
        dut = self.dut
        self.line = SerialLine(dut.rx, dut.tx, bit=clocks * CLOCK * (1 + error), clock=CLOCK)
        self.memory = Memory(MEMORY_BYTES, data_bytes)
        self.registers = Registers()
        self.expected = Registers()
        pace = {"stall": stall, "latency": latency, "seed": seed}
        self.memory_bus = Slave(dut.memory, read=self.memory.read, write=self.memory.write, **pace)
        self.register_bus = Slave(
            dut.control, read=self.registers.read, write=self.registers.write, **pace
        )
        self.model = LinkModel(
            memory_bytes=MEMORY_BYTES,
            clock_hertz=CLOCK_HERTZ,
            read_register=self.expected.read,
            write_register=self.expected.write,
        )
        data = random.Random(seed).randbytes(MEMORY_BYTES)
        self.memory.data[:] = data
        self.model.memory[:] = data

    def refuse(self, address):
        """Let an access to a word (its address as the host counts) be answered with an error."""
        self.model.bad.add(address)
        if address < REGISTERS:
            beat = address - MEMORY
            self.memory_bus.bad.add(beat - beat % self.memory.width)
        else:
            self.register_bus.bad.add(address - REGISTERS)

    async def exchange(self, ctx, data):
        """Send bytes; return the answer once nothing has come for some time."""
        self.line.received.clear()
        await self.line.send(ctx, data)
        await self.quiet(ctx)
        return bytes(self.line.received)

    async def quiet(self, ctx, seconds=TIMEOUT * 0.7):
        """Wait until nothing has come for some time."""
        count = -1
        while count != len(self.line.received):
            count = len(self.line.received)
            await ctx.delay(seconds)

    async def forget(self, ctx):
        """Let the time-out pass, here and in the model."""
        await ctx.delay(1.2 * TIMEOUT)
        self.model.idle()

    async def agree(self, ctx, data):
        """Send bytes; the answer must be the model's."""
        expected = self.model.feed(data)
        found = await self.exchange(ctx, data)
        assert found.hex() == expected.hex()
        return found

    def run(self, process):
        """Run a testbench; afterwards memory and registers must be the model's."""
        simulator = Simulator(self.dut)
        simulator.add_clock(CLOCK)
        for background in (
            self.memory_bus.read_side,
            self.memory_bus.write_side,
            self.register_bus.read_side,
            self.register_bus.write_side,
            self.line.receive,
        ):
            simulator.add_testbench(background, background=True)

        async def whole(ctx):
            ctx.set(self.dut.memory_ready, 1)
            await ctx.delay(10 * CLOCK)
            await process(ctx)

        simulator.add_testbench(whole)
        simulator.run()
        assert self.memory.data == self.model.memory
        assert self.registers.values == self.expected.values
        assert not self.line.broken


__all__ = ["CLOCK", "LINK", "MEMORY", "MEMORY_BYTES", "REGISTERS", "TIMEOUT", "Bench"]
