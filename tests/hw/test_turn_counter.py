# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The loop counter that counts up."""

import random

from amaranth.sim import Simulator

from dpu_hw.turn_counter import TurnCounter


def test_the_last_turn_of_each_loop_is_marked():
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut = TurnCounter(width=3)
    assert dut.width == 3
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
                turns, turn = count or 8, 0
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
