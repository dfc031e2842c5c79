# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Choices of one of several values, in any family and in LUTs that are named."""

from pathlib import Path

import pytest
from amaranth.back import verilog
from amaranth.hdl import Module, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from dpu_hw.choose import choose
from dpu_hw.family import Family, Target
from dpu_sim.rtl.cocotb_runner import run_cocotb
from tests.rtl.comparison import Comparison


class Choice(wiring.Component):
    """One of ``count`` values of ``width`` bits."""

    def __init__(self, count, width=1):
        values = data.ArrayLayout(unsigned(width), count)
        bits = max(1, (count - 1).bit_length())
        super().__init__({"number": In(bits), "values": In(values), "o": Out(width)})
        self.count = count

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(choose(m, self.number, list(self.values), platform))
        return m


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 9, 16])
def test_the_value_of_each_number(count):
    dut = Choice(count, 8)

    async def bench(ctx):
        ctx.set(dut.values, [3 * n + 1 for n in range(count)])
        for number in range(count):
            ctx.set(dut.number, number)
            await ctx.delay(1e-9)
            assert ctx.get(dut.o) == 3 * number + 1

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.rtl
@pytest.mark.parametrize(("count", "luts"), [(2, 0), (4, 2), (8, 4)])
def test_named_luts_choose_the_same(count, luts):
    comparison = Comparison(Choice(count), Choice(count), every=("number", "values"))
    target = Target(Family.ECP5)
    text = verilog.convert(comparison, name="comparison", platform=target, emit_src=False)
    assert text.count("  LUT4 #(") == luts
    text += (Path(__file__).parent / "cells" / "lut4.v").read_text(encoding="utf-8")
    assert run_cocotb(None, "comparison", "tests.rtl.comparison_bench", verilog=text) == 1
