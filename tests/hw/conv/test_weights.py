# SPDX-License-Identifier: Apache-2.0
"""Weight buffer and loader together: tiles appear row by row, and no sooner than they may."""

import itertools
import random

import pytest
from amaranth import *
from amaranth.sim import Simulator

from dpu_hw.conv.weight_buffer import WeightBuffer
from dpu_hw.conv.weight_loader import WeightLoader
from tests.hw.conv.bench import pack, unpack


@pytest.mark.parametrize(("lanes", "columns"), [(4, 4), (4, 16), (8, 16)])
@pytest.mark.parametrize("hurry", [True, False])
def test_tiles(lanes, columns, hurry):
    rand = random.Random(lanes + columns)
    rows = 64
    m = Module()
    m.submodules.buffer = buffer = WeightBuffer(lanes=lanes, columns=columns, rows=rows)
    m.submodules.loader = loader = WeightLoader(lanes=lanes, rows=rows, latency=buffer.latency)
    m.d.comb += [buffer.address.eq(loader.address), buffer.enable.eq(loader.enable)]
    content = [[rand.randrange(-128, 128) for _ in range(columns)] for _ in range(rows)]
    tiles = [rand.randrange(rows - lanes + 1) for _ in range(8)]

    async def run(ctx):
        ctx.set(buffer.write.valid, 1)
        blocks = columns // lanes
        for address in range(rows * blocks):
            word = content[address // blocks][address % blocks * lanes :][:lanes]
            ctx.set(buffer.write.payload.as_value(), pack(word) << 16 | address)
            await ctx.tick()
        ctx.set(buffer.write.valid, 0)
        sent, loads, swaps, rows_seen = 0, [], [], []
        for cycle in range(40 * len(tiles)):
            ctx.set(loader.tiles.valid, sent < len(tiles) and (hurry or rand.random() < 0.3))
            ctx.set(loader.tiles.payload, tiles[min(sent, len(tiles) - 1)])
            sent += ctx.get(loader.tiles.valid) and ctx.get(loader.tiles.ready)
            swap = ctx.get(loader.loaded) and (hurry or rand.random() < 0.3)
            ctx.set(loader.swap, swap)
            if ctx.get(loader.load):
                assert len(loads) == len(swaps), "the shadow is overwritten"
                loads.append(cycle)
            if swap:
                swaps.append(cycle)
            rows_seen.append(unpack(ctx.get(buffer.row.as_value()), columns))
            await ctx.tick()
        assert len(loads) == len(swaps) == len(tiles)
        for tile, load, swap in zip(tiles, loads, swaps, strict=True):
            assert swap >= load
            assert rows_seen[load : load + lanes] == content[tile : tile + lanes]
        if hurry:
            assert {b - a for a, b in itertools.pairwise(loads)} == {lanes}

    sim = Simulator(m)
    sim.add_clock(1e-6)
    sim.add_testbench(run)
    sim.run()
