# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Small parts of the DMA against what they are like."""

import random

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import data
from amaranth.sim import Simulator

from dpu_hw.dma.beat_buffer import BeatBuffer
from dpu_hw.dma.loop import Loop
from dpu_hw.loop_counter import LoopCounter


def simulate(module, main):
    simulator = Simulator(module)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()


@pytest.mark.parametrize("final", [0, 1])
@pytest.mark.parametrize("width", [3, 12])
def test_loop_counts_as_the_one_with_a_register_for_it(width, final):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut, model = Loop(width=width, final=final), LoopCounter(width=width, final=final)

    async def main(ctx):
        for _ in range(60):
            turns = source.choice((1, 2, 3, source.randint(1, (1 << width) - 1)))
            count = turns - 1 + final
            # What isn't right until the cycle after loading, and what doesn't count.
            folded = source.random() < 0.2
            fewer = not folded and count < (1 << width) - 1 and source.random() < 0.5
            for part in (dut, model):
                ctx.set(part.load, 1)
                ctx.set(part.step, source.randrange(2))
            ctx.set(dut.count, source.randrange(1 << width))
            ctx.set(dut.single, folded or turns == 1)
            ctx.set(dut.fewer, fewer)
            ctx.set(model.count, final if folded else count)
            await ctx.tick()
            ctx.set(dut.count, count + fewer)
            number = final + fewer
            for part in (dut, model):
                ctx.set(part.load, 0)
            for _ in range(min(3 * turns, 100)):
                step = source.random() < 0.7
                for part in (dut, model):
                    ctx.set(part.step, step)
                last = ctx.get(dut.last)
                assert last == ctx.get(model.last)
                if not last:
                    assert ctx.get(dut.following) == number + 1
                if step:
                    number = final + fewer if last else number + 1
                await ctx.tick()

    module = Module()
    module.submodules += [dut, model]
    simulate(module, main)


def test_loop_checks_what_a_single_turn_is():
    with pytest.raises(ValueError, match="0 or 1"):
        Loop(width=4, final=2)


@pytest.mark.parametrize("depth", [4, 64])
@pytest.mark.parametrize(("put", "get"), [(1.0, 0.3), (0.3, 1.0), (1.0, 1.0)])
def test_beat_buffer_keeps_order_and_stops_when_it_is_nearly_full(depth, put, get):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut = BeatBuffer(shape=data.StructLayout({"a": unsigned(3), "b": 6}), depth=depth)
    held, most = [], 0

    async def main(ctx):
        nonlocal most
        taken = 0
        for _ in range(600):
            payload = {"a": source.randrange(8), "b": source.randrange(64)}
            valid, ready = source.random() < put, source.random() < get
            ctx.set(dut.i.payload, payload)
            ctx.set(dut.i.valid, valid)
            ctx.set(dut.o.ready, ready)
            if ctx.get(dut.o.valid) and ready:
                out = ctx.get(dut.o.payload)
                assert held.pop(0) == {"a": out.a, "b": out.b}
                taken += 1
            if ctx.get(dut.i.ready) and valid:
                held.append(payload)
            most = max(most, len(held))
            await ctx.tick()
        assert taken > 100

    simulate(dut, main)
    assert most <= depth
    if put > get:
        assert most >= depth - 2


@pytest.mark.parametrize("depth", [0, 2, 6, 8.0])
def test_depth_of_the_beat_buffer_is_checked(depth):
    with pytest.raises(ValueError, match="power of two"):
        BeatBuffer(shape=unsigned(8), depth=depth)
