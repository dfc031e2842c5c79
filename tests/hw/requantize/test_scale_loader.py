# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Loaders of parameters: layout, order, timing."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.sim import Simulator

from dpu_hw.requantize import BlockLoader, ScaleLoader

ADDRESS_BITS = 7


class Bench(wiring.Component):
    """A loader on a memory of its own."""

    def __init__(self, loader, init, word_bits):
        self.loader = loader
        self.init = init
        self.word_bits = word_bits
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = self.loader
        m.submodules.memory = memory = Memory(
            shape=self.word_bits, depth=1 << ADDRESS_BITS, init=self.init
        )
        port = memory.read_port()
        m.d.comb += [port.addr.eq(self.loader.address), self.loader.data.eq(port.data)]
        return m


def run(bench, output, requests, *, seed, valid=1.0, ready=1.0):
    rng = random.Random(seed)
    results, asked, given = [], [], []
    cycle = [0]

    async def clock(ctx):
        while True:
            await ctx.tick()
            cycle[0] += 1

    async def sender(ctx):
        request = bench.loader.request
        for address in requests:
            while rng.random() >= valid:
                await ctx.tick()
            ctx.set(request.payload, address)
            ctx.set(request.valid, 1)
            await ctx.tick().until(request.ready)
            asked.append(cycle[0])
            ctx.set(request.valid, 0)

    async def receiver(ctx):
        while len(results) < len(requests):
            ctx.set(output.ready, rng.random() < ready)
            _, _, transfer, payload = await ctx.tick().sample(
                output.valid & output.ready, output.payload
            )
            if transfer:
                given.append(cycle[0])
                results.append(payload)

    sim = Simulator(bench)
    sim.add_clock(1e-6)
    sim.add_testbench(clock, background=True)
    sim.add_testbench(sender)
    sim.add_testbench(receiver)
    sim.run_until(1e-6 * (200 * len(requests) + 100))
    assert len(results) == len(requests)
    return results, asked, given


@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("ready", [1.0, 0.1])
def test_scales_of_all_lanes(lanes, ready):
    print("seed", lanes)
    rng = random.Random(lanes)
    blocks = [
        {
            "bias": [rng.randint(-(1 << 31), (1 << 31) - 1) for _ in range(lanes)],
            "multiplier": [rng.randint(0, (1 << 31) - 1) for _ in range(lanes)],
            "shift": [rng.randint(-31, 1) for _ in range(lanes)],
        }
        for _ in range(13)
    ]
    image = b"".join(
        b"".join(
            v.to_bytes(4, "little", signed=True) for v in (*block["bias"], *block["multiplier"])
        )
        + b"".join(v.to_bytes(1, "little", signed=True) for v in block["shift"])
        for block in blocks
    )
    words = [int.from_bytes(image[i : i + lanes], "little") for i in range(0, len(image), lanes)]
    loader = ScaleLoader(lanes=lanes, address_bits=ADDRESS_BITS)
    order = [rng.randrange(len(blocks)) for _ in range(30)]
    results, asked, given = run(
        Bench(loader, words, 8 * lanes), loader.scale, [9 * n for n in order], seed=1, ready=ready
    )
    assert [
        {name: list(getattr(r, name)) for name in ("bias", "multiplier", "shift")} for r in results
    ] == [blocks[n] for n in order]
    if ready == 1.0:
        assert asked == list(range(asked[0], asked[0] + 10 * len(order), 10))
        assert given == [cycle + 11 for cycle in asked]


@pytest.mark.parametrize("words", [2, 3, 9])
@pytest.mark.parametrize("valid", [1.0, 0.15])
@pytest.mark.parametrize("ready", [1.0, 0.15])
def test_runs_of_words(words, valid, ready):
    seed = words + int(100 * valid) + int(10 * ready)
    print("seed", seed)
    rng = random.Random(seed)
    init = [rng.randrange(256) for _ in range(1 << ADDRESS_BITS)]
    loader = BlockLoader(words=words, word_bits=8, address_bits=ADDRESS_BITS)
    starts = [rng.randrange(len(init) - words) for _ in range(50)]
    results, asked, given = run(
        Bench(loader, init, 8), loader.o, starts, seed=seed, valid=valid, ready=ready
    )
    assert [list(r) for r in results] == [init[s : s + words] for s in starts]
    if valid == ready == 1.0:
        assert asked == list(range(asked[0], asked[0] + (words + 1) * len(starts), words + 1))
        assert given == [cycle + words + 2 for cycle in asked]


def test_parameters():
    loader = ScaleLoader(lanes=8, address_bits=11)
    assert (loader.lanes, loader.address_bits) == (8, 11)
    loader = BlockLoader(words=2, word_bits=3, address_bits=4)
    assert (loader.words, loader.word_bits, loader.address_bits) == (2, 3, 4)
    with pytest.raises(ValueError, match="multiple of four"):
        ScaleLoader(lanes=6, address_bits=4)
    with pytest.raises(ValueError, match="two words"):
        BlockLoader(words=1, word_bits=8, address_bits=4)
    with pytest.raises(TypeError, match="word_bits"):
        BlockLoader(words=2, word_bits=0, address_bits=4)
