# SPDX-License-Identifier: Apache-2.0
"""Tables and the taking apart of their words."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from dpu_hw.vector.tables import Tables


def simulate(dut, testbench):
    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(testbench)
    simulator.run()


async def load(ctx, dut, address, entries):
    word = sum(int(entry) % 2**32 << 32 * n for n, entry in enumerate(entries))
    ctx.set(dut.load.payload.address, address)
    ctx.set(dut.load.payload.data.as_value(), word)
    ctx.set(dut.load.valid, 1)
    await ctx.tick()
    ctx.set(dut.load.valid, 0)


async def check(ctx, dut, expected, slots):
    """Compare all entries with [slot, table, index], a different index in each lane."""
    lanes = dut.vector_lanes
    ctx.set(dut.read.enable, 1)
    for slot in slots:
        for index in range(256):
            of_a = [(index + 5 * lane) % 256 for lane in range(lanes)]
            of_b = [(255 - index + 7 * lane) % 256 for lane in range(lanes)]
            ctx.set(dut.read.slot, slot)
            ctx.set(dut.read.index_a, of_a)
            ctx.set(dut.read.index_b, of_b)
            await ctx.tick()
            for lane in range(lanes):
                assert ctx.get(dut.read.entry_a[lane]) == expected[slot, 0, of_a[lane]]
                assert ctx.get(dut.read.entry_b[lane]) == expected[slot, 1, of_b[lane]]
    ctx.set(dut.read.enable, 0)


@pytest.mark.parametrize(("lanes", "vector_lanes"), [(4, 4), (4, 1), (8, 2), (16, 1)])
def test_words_at_full_rate(lanes, vector_lanes):
    """Both slots in one go, a word a cycle; the copy is done an entry a cycle later."""
    rng = np.random.default_rng(lanes)
    tables = rng.integers(-(2**31), 2**31, (2, 2, 256))
    words = tables.reshape(-1, lanes // 4)
    dut = Tables(lanes=lanes, vector_lanes=vector_lanes)

    async def testbench(ctx):
        for address, entries in enumerate(words):
            await load(ctx, dut, address, entries)
        cycles = len(words)
        while ctx.get(dut.pending):
            await ctx.tick()
            cycles += 1
        assert cycles <= tables.size + 4
        await check(ctx, dut, tables, (0, 1))

    simulate(dut, testbench)


@pytest.mark.parametrize("lanes", [8, 16])
def test_words_in_any_order(lanes):
    """Bursts anywhere, again and again over the same words, also over those on their way."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    entries = lanes // 4
    tables = np.zeros((2, 2, 256), np.int64)
    words = tables.reshape(-1, entries)
    dut = Tables(lanes=lanes, vector_lanes=1)

    async def testbench(ctx):
        for _ in range(40):
            start = int(rng.choice([0, 3, 100, len(words) - 8, rng.integers(len(words) - 8)]))
            for address in range(start, start + int(rng.integers(1, 9))):
                words[address] = rng.integers(-(2**31), 2**31, entries)
                await load(ctx, dut, address, words[address])
            await ctx.tick().repeat(int(rng.choice([1, 2, 5, 30])))
        while ctx.get(dut.pending):
            await ctx.tick()
        await check(ctx, dut, tables, (0, 1))

    simulate(dut, testbench)


def test_pending_names_the_slot():
    dut = Tables(lanes=8, vector_lanes=1)

    async def testbench(ctx):
        assert ctx.get(dut.pending) == 0
        await load(ctx, dut, 256, [1, 2])
        assert ctx.get(dut.pending) == 0b10
        await load(ctx, dut, 0, [1, 2])
        assert ctx.get(dut.pending) == 0b11
        await ctx.tick().repeat(600)
        assert ctx.get(dut.pending) == 0
        await load(ctx, dut, 255, [1, 2])
        assert ctx.get(dut.pending) == 0b01

    simulate(dut, testbench)


def test_slots_do_not_wait_for_what_lies_between():
    """The last word of one slot and the first of the other, while the first's is on its way."""
    dut = Tables(lanes=16, vector_lanes=1)

    async def testbench(ctx):
        for address in (127, 128, 127, 255, 0):
            await load(ctx, dut, address, [address + n for n in range(4)])
        cycles = 0
        while ctx.get(dut.pending):
            await ctx.tick()
            cycles += 1
        # Both ranges have grown to their whole slots: 512 entries each, once.
        assert 2 * 128 * 4 - 20 <= cycles <= 2 * 128 * 4 + 4

    simulate(dut, testbench)


@pytest.mark.parametrize("lanes", [8, 16])
def test_a_slot_is_complete_without_the_other(lanes):
    """Single words far apart in two slots are copied alone."""
    dut = Tables(lanes=lanes, vector_lanes=1)
    slot_words = 512 * 4 // lanes

    async def testbench(ctx):
        for address in (slot_words - 1, 2 * slot_words - 1):
            await load(ctx, dut, address, [address + n for n in range(lanes // 4)])
        await ctx.tick().repeat(2 * lanes // 4 + 3)
        assert ctx.get(dut.pending) == 0

    simulate(dut, testbench)


def test_lookups_hold_without_enable():
    dut = Tables(lanes=4, vector_lanes=1)

    async def testbench(ctx):
        await load(ctx, dut, 3, [-7])
        ctx.set(dut.read.index_a, [3])
        ctx.set(dut.read.enable, 1)
        await ctx.tick()
        ctx.set(dut.read.enable, 0)
        ctx.set(dut.read.index_a, [4])
        await ctx.tick()
        assert ctx.get(dut.read.entry_a[0]) == -7

    simulate(dut, testbench)
