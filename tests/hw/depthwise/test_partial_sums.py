# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Sums that the next instruction needs before they are in the memory."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.depthwise.partial_sums import PartialSums
from tests.hw.depthwise.streams import receive, send
from tests.hw.requantize.reference import wrap32

LANES = 2
DEPTH = 8


@pytest.mark.parametrize(("pixels", "parts"), [(1, 1), (2, 1), (3, 1), (5, 1), (1, 2), (2, 4)])
@pytest.mark.parametrize(("offer", "rate"), [(1.0, 1.0), (0.4, 0.4), (1.0, 0.3)])
def test_sums_add_up(pixels, parts, offer, rate):
    seed = 100 * pixels + 1000 * (parts - 1) + int(10 * rate)
    print("seed", seed)
    rng = random.Random(seed)
    memory = [[0] * LANES for _ in range(DEPTH * parts)]
    contexts, items, expected = [], [], []
    for n in range(40):
        # Few addresses and many instructions, so that each needs what has just been added.
        context = {"partial_sum": rng.randrange(3), "first": n < 3 or rng.random() < 0.1}
        context |= {"last": rng.random() < 0.3}
        if n < 3:
            context |= {"partial_sum": n, "last": 0}
        contexts.append(context)
        for place in range(pixels * parts):
            end = place // parts == pixels - 1
            sums = [rng.randint(-(1 << 18), (1 << 18) - 1) for _ in range(LANES)]
            flags = {"row_end": rng.randint(0, 1), "block_end": end, "end": end}
            items.append({"sums": sums, "word_end": place % parts == parts - 1, "flags": flags})
            at = context["partial_sum"] * parts + place
            old = [0] * LANES if context["first"] else memory[at]
            total = [wrap32(a + b) for a, b in zip(old, sums, strict=True)]
            if not context["last"]:
                memory[at] = total
            if context["last"] or end:
                expected.append((total, int(context["last"]), items[-1]))
    dut = PartialSums(lanes=LANES, depth=DEPTH, parts=parts)

    async def instructions(ctx):
        await send(ctx, dut.context, contexts)

    async def pixel_side(ctx):
        await send(ctx, dut.i, items, random.Random(1), offer)

    async def receiver(ctx):
        results = await receive(ctx, dut.o, len(expected), random.Random(2), rate)
        for result, (total, last, item) in zip(results, expected, strict=True):
            assert result.tag.write == last
            flags = item["flags"]
            assert {name: result.tag.flags[name] for name in flags} == flags
            assert result.word_end == item["word_end"]
            if last:
                assert list(result.acc) == total

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for bench in (instructions, pixel_side, receiver):
        sim.add_testbench(bench)
    sim.run()


def test_parameters():
    dut = PartialSums(lanes=4, depth=32)
    assert (dut.lanes, dut.depth, dut.parts) == (4, 32, 1)
    with pytest.raises(ValueError, match="power of two"):
        PartialSums(lanes=4, depth=33)
    with pytest.raises(ValueError, match="Parts"):
        PartialSums(lanes=4, depth=32, parts=3)
