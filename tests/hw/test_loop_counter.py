# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The loop counter with a registered end."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.loop_counter import LoopCounter


@pytest.mark.parametrize("final", [0, 1])
def test_the_last_turn_of_each_loop_is_marked(final):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut = LoopCounter(width=3, final=final)
    ends = [0]

    async def drive(ctx):
        turns, turn = None, 0
        for _ in range(3000):
            load = turns is None or source.random() < 0.02
            step = source.random() < 0.7
            count = source.randrange(8)
            ctx.set(dut.load, load)
            ctx.set(dut.step, step)
            ctx.set(dut.count, count)
            if turns is not None:
                assert ctx.get(dut.last) == (turn == turns - 1)
            await ctx.tick()
            if load:
                turns, turn = (count - final) % 8 + 1, 0
            elif step:
                turn += 1
                if turn == turns:
                    turn = 0
                    ends[0] += 1

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
    assert ends[0] > 100


def test_the_count_of_a_single_turn_is_checked():
    with pytest.raises(ValueError, match="0 or 1"):
        LoopCounter(width=3, final=2)
