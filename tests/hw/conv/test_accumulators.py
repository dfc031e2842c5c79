# SPDX-License-Identifier: Apache-2.0
"""Accumulators under a convolution and a drain at once."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.conv.accumulators import Accumulators
from tests.hw.conv.model import wrap32


@pytest.mark.parametrize(("lanes", "columns"), [(4, 4), (4, 16), (8, 16)])
@pytest.mark.parametrize("spread", [2, 16])
def test_sums_and_reads(lanes, columns, spread):
    """Random pixels, as close as they may be; random reads see what is in the memory."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rand = random.Random(seed)
    depth = 64
    dut = Accumulators(lanes=lanes, columns=columns, depth=depth)
    memory = [[0] * columns for _ in range(depth)]
    bits = len(dut.sums[0])

    async def run(ctx):
        recent = [None] * (dut.spacing - 1)
        sums_due, writes_due, reads_due, refused = {}, {}, {}, 0
        for cycle in range(400):
            address = rand.choice((0, depth // 2)) + rand.randrange(spread)
            clear = rand.random() < 0.2
            valid = address not in recent and rand.random() < 0.9
            recent = [*recent[1:], address if valid else None]
            ctx.set(dut.valid, valid)
            ctx.set(dut.address, address)
            ctx.set(dut.clear, clear)
            if valid:
                low = -(1 << bits - 1)
                sums = [rand.choice((low, -low - 1, rand.randrange(low, -low))) for _ in memory[0]]
                sums_due[cycle + dut.lead] = sums
                writes_due[cycle + dut.write_latency] = (address, clear, sums)
            for c, value in enumerate(sums_due.pop(cycle, [0] * columns)):
                ctx.set(dut.sums[c], value)

            wanted = rand.choice((0, depth // 2)) + rand.randrange(spread)
            block = rand.randrange(columns // lanes)
            ctx.set(dut.read.valid, 1)
            ctx.set(dut.read.p.address, wanted)
            if columns > lanes:
                ctx.set(dut.read.p.block, block)
            clash = valid and not clear and wanted % 2 == address % 2
            assert ctx.get(dut.read.ready) == (not clash)
            refused += clash
            if not clash:
                word = memory[wanted][block * lanes :][:lanes]
                reads_due[cycle + dut.read_latency] = word
            if cycle in reads_due:
                assert [ctx.get(dut.word[n]) for n in range(lanes)] == reads_due[cycle]
            # Written in this cycle, read from the next one on.
            if cycle in writes_due:
                address, clear, sums = writes_due[cycle]
                old = [0] * columns if clear else memory[address]
                memory[address] = [wrap32(a + b) for a, b in zip(old, sums, strict=True)]
            await ctx.tick()
        assert refused

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(run)
    sim.run()


@pytest.mark.parametrize("ahead", [2, 5, 8])
def test_streams_side_by_side(ahead):
    """A drain that follows a convolution pixel by pixel waits once at most."""
    depth = 64
    dut = Accumulators(lanes=4, columns=4, depth=depth)

    async def run(ctx):
        wanted = refused = 0
        for cycle in range(depth):
            ctx.set(dut.valid, 1)
            ctx.set(dut.address, (cycle + ahead) % depth)
            ctx.set(dut.read.valid, 1)
            ctx.set(dut.read.p.address, wanted)
            if ctx.get(dut.read.ready):
                wanted += 1
            else:
                refused += 1
            await ctx.tick()
        assert refused == (ahead % 2 == 0)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(run)
    sim.run()
