# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The stream FIFO in distributed RAM."""

import random

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

from dpu_hw.queue import Queue
from dpu_hw.ram_queue import RamQueue


@pytest.mark.parametrize("depth", [1, 2, 4, 16])
@pytest.mark.parametrize("eager", [0.2, 0.8, 1.0])
def test_it_does_what_the_other_queue_does(depth, eager):
    """In every cycle: the same readiness, the same payload."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    shape = data.StructLayout({"a": unsigned(3), "b": 6})
    dut = RamQueue(shape=shape, depth=depth)
    model = Queue(shape=shape, depth=depth)
    passed = [0]

    async def main(ctx):
        for _ in range(400):
            payload = {"a": source.randrange(8), "b": source.randrange(64)}
            valid, ready = source.random() < 0.7, source.random() < eager
            for queue in (dut, model):
                ctx.set(queue.i.payload, payload)
                ctx.set(queue.i.valid, valid)
                ctx.set(queue.o.ready, ready)
            assert ctx.get(dut.i.ready) == ctx.get(model.i.ready)
            assert ctx.get(dut.o.valid) == ctx.get(model.o.valid)
            if ctx.get(model.o.valid):
                assert ctx.get(dut.o.payload) == ctx.get(model.o.payload)
                passed[0] += ready
            await ctx.tick()

    module = Module()
    module.submodules += [dut, model]
    simulator = Simulator(module)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()
    assert passed[0] > 50


@pytest.mark.parametrize("depth", [0, -2, 3, 1.5])
def test_depth_is_checked(depth):
    with pytest.raises(ValueError, match="power of two"):
        RamQueue(shape=unsigned(8), depth=depth)
