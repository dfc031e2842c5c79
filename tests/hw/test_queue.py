# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The stream FIFO."""

import random

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

from dpu_hw.queue import Queue


@pytest.mark.parametrize("depth", [1, 2, 3, 63, 64, 100])
@pytest.mark.parametrize("eager", [0.2, 0.8, 1.0])
def test_payloads_come_out_in_order(depth, eager):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    shape = data.StructLayout({"a": unsigned(3), "b": 6})
    dut = Queue(shape=shape, depth=depth)
    sent = [{"a": source.randrange(8), "b": source.randrange(64)} for _ in range(150)]
    got = []
    most = [0]

    async def put(ctx):
        for payload in sent:
            while source.random() > 0.7:
                await ctx.tick()
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)

    async def get(ctx):
        while len(got) < len(sent):
            ctx.set(dut.o.ready, source.random() < eager)
            _, _, valid, ready, payload, level = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload, dut.level
            )
            most[0] = max(most[0], level)
            if valid and ready:
                got.append({"a": payload.a, "b": payload.b})

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(put)
    simulator.add_testbench(get)
    simulator.run()
    assert got == sent
    assert most[0] <= depth
    if eager < 0.5 and depth < 64:
        assert most[0] == depth


@pytest.mark.parametrize("depth", [0, -1, 1.5])
def test_depth_is_checked(depth):
    with pytest.raises(TypeError, match="positive"):
        Queue(shape=unsigned(8), depth=depth)
