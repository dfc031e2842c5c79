# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The scratchpad against a plain list of words."""

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.sim import Simulator

from dpu_hw.ports import READ_LATENCY
from dpu_hw.scratchpad import Scratchpad
from dpu_spec.configuration import Configuration


def configuration(**fields):
    sizes = {"scratchpad_words": 512, "scratchpad_banks": 4, "lanes": 4, "columns": 4}
    sizes |= {"array_logic_multipliers": 0, "depthwise_logic_multipliers": 0}
    sizes |= {"conv_requantizers": 4, "depthwise_lanes": 4, "depthwise_requantizers": 4}
    return Configuration(**sizes | fields)


def simulate(dut, testbench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()


def words_of(dut):
    return dut.configuration.scratchpad_words


class Ports:
    """Requests of one kind, each held until its transfer."""

    def __init__(self, ports):
        self.requests = [port.request for port in ports]
        self.held = [None] * len(ports)

    def offer(self, ctx, index, value):
        assert self.held[index] is None
        self.held[index] = value
        request = self.requests[index]
        if isinstance(value, tuple):
            ctx.set(request.payload.address, value[0])
            ctx.set(request.payload.data.as_value(), value[1])
        else:
            ctx.set(request.payload, value)
        ctx.set(request.valid, 1)

    def transferred(self, ctx, ready):
        """Return what was taken of each port in the cycle that ended."""
        taken = []
        for index, value in enumerate(self.held):
            taken.append(value if ready[index] else None)
            if ready[index] and value is not None:
                self.held[index] = None
                ctx.set(self.requests[index].valid, 0)
        return taken

    def granted(self, banks):
        """Say which ports get their banks: the lowest of each."""
        seen = set()
        grants = []
        for value in self.held:
            bank = None if value is None else (value[0] if isinstance(value, tuple) else value)
            grants.append(bank is not None and bank % banks not in seen)
            if bank is not None:
                seen.add(bank % banks)
        return grants


@pytest.mark.parametrize(
    ("readers", "writers", "fields"),
    [
        (1, 1, {}),
        (3, 2, {}),
        (5, 2, {"scratchpad_banks": 8}),
        (2, 1, {"scratchpad_banks": 16, "scratchpad_words": 1024}),
        (2, 2, {"lanes": 16, "columns": 16}),
    ],
)
def test_random_accesses(readers, writers, fields):
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    dut = Scratchpad(configuration=configuration(**fields), readers=readers, writers=writers)
    words, banks = words_of(dut), dut.configuration.scratchpad_banks
    width = dut.configuration.word_bits
    # Few addresses meet often; the bits above the scratchpad's size don't count.
    few = rng.integers(0, words, 8)

    def address():
        return int(few[rng.integers(8)]) + words * int(rng.integers(0, 65536 // words))

    async def testbench(ctx):
        contents = [0] * words
        reads, writes = Ports(dut.read), Ports(dut.write)
        expected = [[None] * readers for _ in range(READ_LATENCY)]
        rate = 0.5
        for cycle in range(300):
            if cycle % 30 == 0:
                rate = rng.choice([0.1, 0.5, 1.0])
            for index in range(readers):
                if reads.held[index] is None and rng.random() < rate:
                    reads.offer(ctx, index, address())
            for index in range(writers):
                if writes.held[index] is None and rng.random() < rate:
                    value = int.from_bytes(rng.bytes(width // 8), "little")
                    writes.offer(ctx, index, (address(), value))
            grants = reads.granted(banks) + writes.granted(banks)
            _, _, *sampled = await ctx.tick().sample(
                *(r.ready for r in reads.requests + writes.requests),
                *(port.data.as_value() for port in dut.read),
            )
            ready, seen = sampled[: readers + writers], sampled[readers + writers :]
            offered = [value is not None for value in reads.held + writes.held]
            assert [bool(r) for r, o in zip(ready, offered, strict=True) if o] == [
                g for g, o in zip(grants, offered, strict=True) if o
            ], f"cycle {cycle}"
            for index, value in enumerate(expected.pop(0)):
                assert value is None or seen[index] == value, f"cycle {cycle}, port {index}"
            taken = reads.transferred(ctx, ready[:readers])
            expected.append([None if a is None else contents[a % words] for a in taken])
            for pair in writes.transferred(ctx, ready[readers:]):
                if pair is not None:
                    contents[pair[0] % words] = pair[1]

    simulate(dut, testbench)


def test_every_word_is_separate():
    dut = Scratchpad(configuration=configuration(), readers=1, writers=1)
    words = words_of(dut)

    async def testbench(ctx):
        ctx.set(dut.write[0].request.valid, 1)
        for address in range(words):
            ctx.set(dut.write[0].request.payload.address, address)
            ctx.set(dut.write[0].request.payload.data.as_value(), address * 0x10001 + 7)
            await ctx.tick()
        ctx.set(dut.write[0].request.valid, 0)
        ctx.set(dut.read[0].request.valid, 1)
        # One word a cycle, each READ_LATENCY cycles after its request.
        for address in range(words + READ_LATENCY):
            ctx.set(dut.read[0].request.payload, address)
            seen = ctx.get(dut.read[0].data.as_value())
            if address >= READ_LATENCY:
                assert seen == (address - READ_LATENCY) * 0x10001 + 7
            await ctx.tick()

    simulate(dut, testbench)


def test_read_after_write():
    """A write of cycle n is not seen by a read of cycle n, but by one of cycle n + 1."""
    dut = Scratchpad(configuration=configuration(), readers=2, writers=1)

    async def testbench(ctx):
        write, first, second = dut.write[0].request, dut.read[0].request, dut.read[1].request
        ctx.set(write.payload.address, 9)
        ctx.set(write.payload.data.as_value(), 0x1234)
        ctx.set(write.valid, 1)
        ctx.set(first.payload, 9)
        ctx.set(first.valid, 1)
        await ctx.tick()
        ctx.set(write.valid, 0)
        ctx.set(first.valid, 0)
        ctx.set(second.payload, 9)
        ctx.set(second.valid, 1)
        await ctx.tick()
        assert ctx.get(dut.read[0].data.as_value()) == 0
        await ctx.tick()
        assert ctx.get(dut.read[1].data.as_value()) == 0x1234

    simulate(dut, testbench)


def test_banks_have_names():
    dut = Scratchpad(configuration=configuration(), readers=3, writers=2)
    text = verilog.convert(dut, name="scratchpad", emit_src=False)
    for bank in range(4):
        assert f"reg [31:0] bank_{bank} [127:0];" in text


@pytest.mark.parametrize(("readers", "writers"), [(0, 1), (1, 0), (-1, 1), ("1", 1)])
def test_port_counts_are_checked(readers, writers):
    with pytest.raises(TypeError, match="must be a positive integer"):
        Scratchpad(configuration=configuration(), readers=readers, writers=writers)
