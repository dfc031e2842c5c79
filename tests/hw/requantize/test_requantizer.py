# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Requantizers against plain integers, with stalls on both sides."""

import random

import pytest
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from dpu_hw.requantize import Requantizer, WordRequantizer
from tests.hw.requantize import reference


def run(dut, items, *, seed, valid=1.0, ready=1.0, results=None):
    """Send items through; return results, one each unless told, and the cycles of transfers."""
    rng = random.Random(seed)
    count = len(items) if results is None else results
    results, taken, given = [], [], []
    cycle = [0]

    async def clock(ctx):
        while True:
            await ctx.tick()
            cycle[0] += 1

    async def sender(ctx):
        for item in items:
            while rng.random() >= valid:
                await ctx.tick()
            ctx.set(dut.i.payload, reference.payload(item))
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            taken.append(cycle[0])
            ctx.set(dut.i.valid, 0)

    async def receiver(ctx):
        while len(results) < count:
            ctx.set(dut.o.ready, rng.random() < ready)
            _, _, transfer, payload = await ctx.tick().sample(
                dut.o.valid & dut.o.ready, dut.o.payload
            )
            if transfer:
                given.append(cycle[0])
                results.append((list(payload.data), payload.tag))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(clock, background=True)
    sim.add_testbench(sender)
    sim.add_testbench(receiver)
    sim.run_until(1e-6 * (100 * len(items) + 1000))
    assert len(results) == count
    return results, taken, given


def expected(items, divide=False):
    return [(reference.requantize(item, divide), item["tag"]) for item in items]


@pytest.mark.parametrize("lanes", [1, 2, 5])
@pytest.mark.parametrize("divide", [False, True])
def test_scales_exactly_at_full_rate(lanes, divide):
    seed = 10 * lanes + divide
    print("seed", seed)
    rng = random.Random(seed)
    items = [reference.random_item(rng, lanes, n % 256, divide) for n in range(600 // lanes)]
    dut = Requantizer(lanes=lanes, tag_shape=unsigned(8), divide=divide)
    results, taken, given = run(dut, items, seed=seed)
    assert results == expected(items, divide)
    assert given == [cycle + Requantizer.latency for cycle in taken]
    assert taken == list(range(taken[0], taken[0] + len(items)))


@pytest.mark.parametrize("divide", [False, True])
def test_every_pair_of_extremes(divide):
    accs = (-(1 << 31), -(1 << 31) + 1, -65536, -1, 0, 1, 65535, (1 << 31) - 2, (1 << 31) - 1)
    items = [
        {
            "acc": [acc],
            "bias": [bias],
            "multiplier": [multiplier],
            "shift": [shift],
            "output": {"zero_point": zero, "minimum": -128, "maximum": 127, "mode": 0},
            "tag": 0,
        }
        for acc in accs
        for bias in (0, -1)
        for multiplier in reference.MULTIPLIERS
        for shift in (1, 0, -1, -8, -16, -31)
        for zero in ((acc + shift) % 256 - 128,)
    ]
    dut = Requantizer(lanes=1, tag_shape=unsigned(1), divide=divide)
    assert run(dut, items, seed=0)[0] == expected(items, divide)


@pytest.mark.parametrize("valid", [0.3, 1.0])
@pytest.mark.parametrize("ready", [0.2, 0.8])
@pytest.mark.parametrize(("lanes", "requantizers"), [(2, 2), (4, 2), (4, 1), (8, 4)])
def test_stalls_lose_and_change_nothing(lanes, requantizers, valid, ready):
    seed = int(100 * valid + 10 * ready) + lanes
    print("seed", seed)
    rng = random.Random(seed)
    items = [reference.random_item(rng, lanes, n) for n in range(30)]
    dut = WordRequantizer(lanes=lanes, requantizers=requantizers, tag_shape=unsigned(8))
    results, _, _ = run(dut, items, seed=seed, valid=valid, ready=ready)
    assert results == expected(items)


@pytest.mark.parametrize(("lanes", "requantizers"), [(4, 4), (4, 2), (8, 2)])
def test_a_word_takes_as_many_cycles_as_it_has_parts(lanes, requantizers):
    rng = random.Random(lanes)
    items = [reference.random_item(rng, lanes, n) for n in range(30)]
    dut = WordRequantizer(lanes=lanes, requantizers=requantizers, tag_shape=unsigned(8))
    results, taken, given = run(dut, items, seed=0)
    assert results == expected(items)
    parts = lanes // requantizers
    assert taken == list(range(taken[0], taken[0] + parts * len(items), parts))
    assert given == [cycle + WordRequantizer.latency for cycle in taken]


@pytest.mark.parametrize(("valid", "ready"), [(1.0, 1.0), (0.4, 1.0), (1.0, 0.3), (0.6, 0.6)])
@pytest.mark.parametrize(
    ("lanes", "items", "requantizers"), [(4, 2, 2), (4, 4, 1), (8, 2, 4), (8, 2, 1), (8, 4, 2)]
)
def test_words_come_in_several_items(lanes, items, requantizers, valid, ready):
    seed = lanes + 10 * items + int(100 * valid) + int(1000 * ready)
    print("seed", seed)
    rng = random.Random(seed)
    words = [reference.random_item(rng, lanes, n) for n in range(20)]
    size = lanes // items
    parts = [
        {
            **word,
            "acc": word["acc"][n * size :][:size],
            "tag": word["tag"] ^ (255 * (n < items - 1)),
        }
        for word in words
        for n in range(items)
    ]
    dut = WordRequantizer(
        lanes=lanes, requantizers=requantizers, tag_shape=unsigned(8), items=items
    )
    results, taken, _ = run(dut, parts, seed=seed, valid=valid, ready=ready, results=len(words))
    assert results == expected(words)
    if valid == ready == 1.0:
        step = size // requantizers
        assert taken == list(range(taken[0], taken[0] + step * len(parts), step))


def test_parameters():
    dut = WordRequantizer(lanes=8, requantizers=4, tag_shape=unsigned(3))
    assert (dut.lanes, dut.requantizers, dut.parts) == (8, 4, 2)
    dut = Requantizer(lanes=2, tag_shape=unsigned(3), divide=True)
    assert (dut.lanes, dut.tag_shape, dut.divide) == (2, unsigned(3), True)
    with pytest.raises(TypeError, match="positive integer"):
        Requantizer(lanes=0, tag_shape=unsigned(1))
    with pytest.raises(ValueError, match="must divide"):
        WordRequantizer(lanes=8, requantizers=3, tag_shape=unsigned(1))
    with pytest.raises(ValueError, match="Items must divide 8 lanes"):
        WordRequantizer(lanes=8, requantizers=1, tag_shape=unsigned(1), items=3)
    with pytest.raises(ValueError, match="must divide 4 lanes"):
        WordRequantizer(lanes=8, requantizers=8, tag_shape=unsigned(1), items=2)


@pytest.mark.parametrize(("lanes", "requantizers", "items"), [(4, 1, 1), (8, 1, 2), (8, 2, 1)])
def test_items_are_announced(lanes, requantizers, items):
    dut = WordRequantizer(
        lanes=lanes, requantizers=requantizers, items=items, tag_shape=unsigned(8)
    )
    rng = random.Random(lanes)
    announced, taken = [], []

    async def bench(ctx):
        for cycle in range(600):
            # Until an item is taken it stays.
            if not ctx.get(dut.i.valid):
                ctx.set(dut.i.valid, rng.random() < 0.8)
            ctx.set(dut.o.ready, rng.random() < (0.03 if cycle < 300 else 0.5))
            _, _, leaves, transfer = await ctx.tick().sample(dut.leaves, dut.i.valid & dut.i.ready)
            if leaves:
                announced.append(cycle + WordRequantizer.notice)
            if transfer:
                taken.append(cycle)
                ctx.set(dut.i.valid, rng.random() < 0.8)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert len(taken) > 30
    assert announced[: len(taken)] == taken
