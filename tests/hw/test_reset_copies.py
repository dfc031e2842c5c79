# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""A reset in several registers."""

import pytest
from amaranth.sim import Simulator

from dpu_hw.reset_copies import ResetCopies


@pytest.mark.parametrize("copies", [1, 6])
def test_copies_follow_a_cycle_later_and_begin_in_reset(copies):
    dut = ResetCopies(copies=copies)
    every = (1 << copies) - 1

    async def main(ctx):
        assert ctx.get(dut.o) == every
        before = 0
        for value in (0, 1, 1, 0, 0, 1, 0):
            await ctx.tick()
            assert ctx.get(dut.o) == (every if before else 0)
            ctx.set(dut.next, value)
            before = value

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()


def test_there_is_at_least_one():
    with pytest.raises(ValueError, match="1 or more, not 0"):
        ResetCopies(copies=0)
