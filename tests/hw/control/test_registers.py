# SPDX-License-Identifier: Apache-2.0
"""The AXI4-Lite slave and the counters behind it."""

import random

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from dpu_hw.control.counters import Counters
from dpu_hw.control.registers import Registers
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.presets import PRESETS
from dpu_spec.registers import (
    BY_NAME,
    COUNTERS,
    REGISTERS,
    ROM_ADDRESS,
    Access,
    address,
    identity,
    rom,
)


class Host:
    """Make accesses, each channel with random delays."""

    def __init__(self, ctx, bus, seed=0, slow=True):
        self.ctx = ctx
        self.bus = bus
        self.random = random.Random(seed)
        self.slow = slow

    def _delay(self):
        return self.random.randint(0, 3) if self.slow else 0

    async def write(self, at, value, strobe=0xF):
        """Write a word, or some of its bytes."""
        ctx, bus = self.ctx, self.bus
        delays = {"aw": self._delay(), "w": self._delay()}
        ctx.set(bus.awaddr, at)
        ctx.set(bus.wdata, value)
        ctx.set(bus.wstrb, strobe)
        while delays:
            for channel in delays:
                ctx.set(getattr(bus, f"{channel}valid"), delays[channel] <= 0)
            _, _, aw, w, b = await ctx.tick().sample(bus.awready, bus.wready, bus.bvalid)
            assert not b
            for channel, ready in (("aw", aw), ("w", w)):
                if channel in delays and delays[channel] <= 0 and ready:
                    ctx.set(getattr(bus, f"{channel}valid"), 0)
                    del delays[channel]
                elif channel in delays:
                    delays[channel] -= 1
        for _ in range(self._delay()):
            await ctx.tick()
        ctx.set(bus.bready, 1)
        (response,) = await ctx.tick().sample(bus.bresp).until(bus.bvalid)
        ctx.set(bus.bready, 0)
        assert response == 0

    async def read(self, at):
        """Read a word."""
        ctx, bus = self.ctx, self.bus
        ctx.set(bus.araddr, at)
        ctx.set(bus.arvalid, 1)
        await ctx.tick().until(bus.arready)
        ctx.set(bus.arvalid, 0)
        for _ in range(self._delay()):
            await ctx.tick()
        ctx.set(bus.rready, 1)
        value, response = await ctx.tick().sample(bus.rdata, bus.rresp).until(bus.rvalid)
        ctx.set(bus.rready, 0)
        assert response == 0
        return value


def simulate(dut, main):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()


def test_every_register_is_where_the_contract_says():
    config = PRESETS["b128"]
    dut = Registers(configuration=config)
    source = random.Random(4)

    async def main(ctx):
        host = Host(ctx, dut.control, slow=False)
        values = {}
        for register in REGISTERS:
            if register.access is Access.WRITE:
                assert await host.read(register.address) == 0
                values[register.name] = source.getrandbits(32)
                await host.write(register.address, values[register.name])
        values["INTERRUPT_ENABLE"] &= 1
        values |= identity(config)
        ctx.set(dut.status, 0x12345678)
        values["STATUS"] = 0x12345678
        for register in REGISTERS:
            assert await host.read(register.address) == values.get(register.name, 0), register
        for index, name in enumerate(WINDOW_NAMES):
            window = ctx.get(dut.windows[index])
            assert window.base == values[f"{name.upper()}_BASE"]
            assert window.size == values[f"{name.upper()}_SIZE"]
        for engine in Engine:
            ctx.set(dut.select, engine)
            stream = ctx.get(dut.stream)
            assert stream.offset == values[f"{engine.name}_STREAM"]
            assert stream.count == values[f"{engine.name}_COUNT"]
        assert ctx.get(dut.interrupt_enable) == values["INTERRUPT_ENABLE"]

    simulate(dut, main)


@pytest.mark.parametrize("name", ["tiny", "b256"])
def test_rom_and_undefined_addresses(name):
    config = PRESETS[name]
    dut = Registers(configuration=config)

    async def main(ctx):
        host = Host(ctx, dut.control)
        words = rom(config)
        for index, word in enumerate(words):
            assert await host.read(ROM_ADDRESS + 4 * index) == word
        for at in (0x00C, 0x060, 0x160, 0x400, 0x7FC, ROM_ADDRESS + 4 * len(words), 0xFFC):
            await host.write(at, 0xFFFFFFFF)
            assert await host.read(at) == 0
        # Constants stay.
        await host.write(0, 0)
        assert await host.read(0) == identity(config)["PRODUCT_ID"]
        assert await host.read(0x1000) == identity(config)["PRODUCT_ID"]

    simulate(dut, main)


def test_reset_sets_registers_to_zero():
    dut = Registers(configuration=PRESETS["tiny"])
    reset = Signal()

    async def main(ctx):
        for _ in range(2):
            host = Host(ctx, dut.control, slow=False)
            for register in REGISTERS:
                if register.access is Access.WRITE:
                    assert await host.read(register.address) == 0
            for engine in Engine:
                ctx.set(dut.select, engine)
                assert ctx.get(dut.stream.as_value()) == 0
            for register in REGISTERS:
                if register.access is Access.WRITE:
                    await host.write(register.address, 0xFFFFFFFF)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)

    simulate(ResetInserter(reset)(dut), main)


def test_control_pulses_last_a_cycle():
    dut = Registers(configuration=PRESETS["tiny"])
    seen = []

    async def watch(ctx):
        while True:
            _, _, *values = await ctx.tick().sample(dut.start, dut.abort, dut.clear_interrupt)
            if any(values):
                seen.append(tuple(values))

    async def main(ctx):
        host = Host(ctx, dut.control, seed=1)
        for value in (1, 2, 4, 5, 0, 0xF8):
            await host.write(address("CONTROL"), value)
            assert await host.read(address("CONTROL")) == 0
        # A byte that isn't enabled doesn't act.
        await host.write(address("CONTROL"), 1, strobe=0b1110)
        await host.write(address("ARENA_BASE"), 0x11223344)
        await host.write(address("ARENA_BASE"), 0xAABBCCDD, strobe=0b0110)
        assert await host.read(address("ARENA_BASE")) == 0x11BBCC44

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(watch, background=True)
    simulator.add_testbench(main)
    simulator.run()
    assert seen == [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1)]


def test_counters_are_exact():
    config = PRESETS["b128"]
    dut = Registers(configuration=config)
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    names = {"CYCLES": 0, "READ_BYTES": 0, "WRITE_BYTES": 0}
    inputs = {"CYCLES": dut.running, "READ_BYTES": dut.read_transfer}
    inputs["WRITE_BYTES"] = dut.write_transfer

    async def main(ctx):
        host = Host(ctx, dut.control, seed=seed)
        for _ in range(2):
            # What a run before left is gone.
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            expected = dict.fromkeys(names, 0)
            for engine in Engine:
                for counter, _ in COUNTERS:
                    expected[f"{engine.name}_{counter.upper()}"] = 0
            rates = {name: source.choice((0, 0.02, 0.5, 1)) for name in expected}
            for _ in range(source.randint(50, 150)):
                for name, signal in inputs.items():
                    event = source.random() < rates[name]
                    ctx.set(signal, event)
                    expected[name] += event * (1 if name == "CYCLES" else config.axi_bytes)
                for counter, _ in COUNTERS:
                    mask = 0
                    for engine in Engine:
                        name = f"{engine.name}_{counter.upper()}"
                        event = source.random() < rates[name]
                        mask |= event << engine
                        expected[name] += event
                    ctx.set(getattr(dut, counter), mask)
                await ctx.tick()
            for signal in (*inputs.values(), *(getattr(dut, c) for c, _ in COUNTERS)):
                ctx.set(signal, 0)
            for name, value in expected.items():
                assert await host.read(BY_NAME[name].address) == value, name

    simulate(dut, main)


@pytest.mark.parametrize("steps", [(1,), (1, 2, 16), (1,) * 4, (8,) * 5])
def test_counters_of_any_number(steps):
    dut = Counters(steps=steps)

    async def main(ctx):
        ctx.set(dut.events, (1 << len(steps)) - 1)
        await ctx.tick().repeat(100)
        ctx.set(dut.events, 0)
        for index, step in enumerate(steps):
            ctx.set(dut.select, index)
            await ctx.tick().repeat(2)
            (value,) = await ctx.tick().sample(dut.value).until(dut.valid)
            assert value == 100 * step
        # One pulse in each turn.
        pulses = 0
        for _ in range(4 * dut.turn):
            pulses += ctx.get(dut.valid)
            await ctx.tick()
        assert pulses == 4

    simulate(dut, main)
