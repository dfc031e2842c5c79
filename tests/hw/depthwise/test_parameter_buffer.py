# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Weights and scales out of two memories, whatever their order."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.depthwise.parameter_buffer import ParameterBuffer
from tests.hw.depthwise.streams import receive, send

LANES = 4
WORDS = 128


@pytest.mark.parametrize("rate", [1.0, 0.05])
def test_blocks_in_order(rate):
    seed = int(100 * rate)
    print("seed", seed)
    rng = random.Random(seed)
    dut = ParameterBuffer(lanes=LANES, words=WORDS)
    words = [[rng.randint(-128, 127) for _ in range(LANES)] for _ in range(WORDS)]
    instructions = []
    for _ in range(8):
        last, blocks = rng.randint(0, 1), rng.randint(1, 3)
        size = 9 * blocks * (1 + last)
        at = rng.randrange(WORDS - size)
        instructions.append({"parameters": at, "blocks": blocks, "last": last})
    weights, scales = [], []
    for i in instructions:
        for b in range(i["blocks"]):
            at = i["parameters"] + b * 9 * (1 + i["last"])
            weights.append(words[at : at + 9])
            if i["last"]:
                scales.append(b"".join(bytes(v & 255 for v in w) for w in words[at + 9 : at + 18]))

    async def load(ctx):
        ctx.set(dut.load.valid, 1)
        for address, word in enumerate(words):
            ctx.set(dut.load.payload, {"address": address, "data": word})
            await ctx.tick()
        ctx.set(dut.load.valid, 0)

    async def weight_side(ctx):
        await ctx.tick().repeat(WORDS)
        await send(ctx, dut.weight_blocks, instructions)

    async def scale_side(ctx):
        await ctx.tick().repeat(WORDS)
        await send(ctx, dut.scale_blocks, [i for i in instructions if i["last"]])

    async def take_weights(ctx):
        results = await receive(ctx, dut.weights, len(weights), random.Random(1), rate)
        assert [[list(word) for word in result] for result in results] == weights

    async def take_scales(ctx):
        results = await receive(ctx, dut.scale, len(scales), random.Random(2), rate)
        for result, image in zip(results, scales, strict=True):
            for lane in range(LANES):
                bias = int.from_bytes(image[4 * lane :][:4], "little", signed=True)
                assert result.bias[lane] == bias
                multiplier = int.from_bytes(image[4 * (LANES + lane) :][:4], "little")
                assert result.multiplier[lane] == multiplier & 0x7FFFFFFF
                assert result.shift[lane] == ((image[8 * LANES + lane] & 63) ^ 32) - 32

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for bench in (load, weight_side, scale_side, take_weights, take_scales):
        sim.add_testbench(bench)
    sim.run()


def test_parameters():
    dut = ParameterBuffer(lanes=8, words=64)
    assert (dut.lanes, dut.words) == (8, 64)
    with pytest.raises(ValueError, match="power of two"):
        ParameterBuffer(lanes=8, words=48)
