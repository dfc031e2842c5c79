# SPDX-License-Identifier: Apache-2.0
"""Addresses of written words, and a pulse for each instruction."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.depthwise.writer import Writer
from tests.hw.depthwise.model import view
from tests.hw.depthwise.streams import send

LANES = 4


@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_addresses_and_ends(rate):
    print("seed 3")
    rng = random.Random(3)
    dut = Writer(lanes=LANES)
    views, items, expected, needed = [], [], [], []
    for _ in range(20):
        if rng.random() < 0.4:
            tag = {"write": 0, "flags": {"row_end": 1, "block_end": 1, "end": 1}}
            items.append({"data": [0] * LANES, "tag": tag})
        else:
            rows, columns, blocks = rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 3)
            out = view(rng, "out_", start=7, rows=rows, width=columns, blocks=blocks, step=1)
            views.append(out)
            start, words = out["out_ring_start"], out["out_ring_words"]
            for b in range(blocks):
                for r in range(rows):
                    for c in range(columns):
                        row = out["out_address"] + r * out["out_row_stride"]
                        address = start + (row - start) % words + b * out["out_block_stride"] + c
                        data = [rng.randint(-128, 127) for _ in range(LANES)]
                        row_end = c == columns - 1
                        block_end = row_end and r == rows - 1
                        end = block_end and b == blocks - 1
                        flags = {"row_end": row_end, "block_end": block_end, "end": end}
                        items.append({"data": data, "tag": {"write": 1, "flags": flags}})
                        expected.append((address, data))
        needed.append(len(expected))

    async def contexts(ctx):
        await send(ctx, dut.context, views)

    async def words(ctx):
        await send(ctx, dut.i, items)

    async def memory(ctx):
        request = dut.write.request
        writes, done = [], []
        while len(done) < len(needed):
            ctx.set(request.ready, rng.random() < rate)
            _, _, transfer, payload, pulse = await ctx.tick().sample(
                request.valid & request.ready, request.payload, dut.done
            )
            if pulse:
                done.append(len(writes))
            if transfer:
                writes.append((payload.address, list(payload.data)))
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.done)
        assert writes == expected
        assert all(have >= need for have, need in zip(done, needed, strict=True))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for bench in (contexts, words, memory):
        sim.add_testbench(bench)
    sim.run()
