# SPDX-License-Identifier: Apache-2.0
"""Products over a few cycles."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.conv.product import Product


@pytest.mark.parametrize(("width", "value_bits", "factor_bits"), [(16, 16, 7), (18, 10, 8)])
def test_product(width, value_bits, factor_bits):
    dut = Product(width=width, value_bits=value_bits, factor_bits=factor_bits)
    rand = random.Random(width)
    values = (0, 1, (1 << value_bits) - 1)
    factors = (0, 1, (1 << factor_bits) - 1, 1 << factor_bits - 1)
    cases = [(v, f) for v in values for f in factors]
    cases += [(rand.getrandbits(value_bits), rand.getrandbits(factor_bits)) for _ in range(30)]

    async def run(ctx):
        for value, factor in cases:
            ctx.set(dut.value, value)
            ctx.set(dut.factor, factor)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            ctx.set(dut.value, 0)
            ctx.set(dut.factor, 0)
            await ctx.tick().repeat(dut.latency - 1)
            assert ctx.get(dut.product) == value * factor % (1 << width)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(run)
    sim.run()
