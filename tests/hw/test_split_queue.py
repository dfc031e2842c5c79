# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The stream FIFO in distributed RAM."""

import random

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

from dpu_hw.queue import Queue
from dpu_hw.split_queue import SplitQueue

SHAPE = data.StructLayout({"a": unsigned(3), "b": 6, "c": 2})


@pytest.mark.parametrize("registered", [(), ("b",), ("a", "c"), ("a", "b", "c")])
@pytest.mark.parametrize("depth", [2, 3, 8, 9, 16, 32])
def test_does_in_each_cycle_what_a_queue_does(depth, registered):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    m = Module()
    m.submodules.reference = reference = Queue(shape=SHAPE, depth=depth)
    m.submodules.dut = dut = SplitQueue(shape=SHAPE, depth=depth, registered=registered)
    for queue in (reference, dut):
        assert queue.depth == depth
    m.d.comb += [
        dut.i.payload.eq(reference.i.payload),
        dut.i.valid.eq(reference.i.valid),
        dut.o.ready.eq(reference.o.ready),
    ]
    seen = {"full": 0, "empty": 0}

    async def bench(ctx):
        for cycle in range(2000):
            if cycle % 50 == 0:
                written, read = source.choice(((0.9, 0.3), (0.3, 0.9), (0.9, 0.9), (1, 1)))
            ctx.set(reference.i.valid, source.random() < written)
            ctx.set(reference.i.payload.as_value(), source.randrange(1 << 11))
            ctx.set(reference.o.ready, source.random() < read)
            ready, valid = ctx.get(reference.i.ready), ctx.get(reference.o.valid)
            assert (ctx.get(dut.i.ready), ctx.get(dut.o.valid)) == (ready, valid), cycle
            if valid:
                assert ctx.get(dut.o.payload) == ctx.get(reference.o.payload), cycle
            seen["full"] += not ready
            seen["empty"] += not valid
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert min(seen.values()) > 20


@pytest.mark.parametrize("depth", [0, 1, 33, 1.5])
def test_depth_is_checked(depth):
    with pytest.raises(ValueError, match="from 2 to 32"):
        SplitQueue(shape=unsigned(8), depth=depth)


def test_only_fields_are_registered():
    with pytest.raises(TypeError, match="StructLayout"):
        SplitQueue(shape=unsigned(8), depth=4, registered=("a",))
