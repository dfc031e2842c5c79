# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Every product of small multipliers."""

import pytest
from amaranth.hdl import Shape, signed, unsigned
from amaranth.sim import Simulator

from dpu_hw.multiplier import Multiplier


def values(shape):
    shape = Shape.cast(shape)
    low = -(1 << (shape.width - 1)) if shape.signed else 0
    return range(low, low + (1 << shape.width))


def products(dut):
    """Return every wrong product of all pairs of operands."""
    wrong = []

    async def bench(ctx):
        for a in values(dut.a_shape):
            ctx.set(dut.a, a)
            for b in values(dut.b_shape):
                ctx.set(dut.b, b)
                if ctx.get(dut.o) != a * b:
                    wrong.append((a, b, ctx.get(dut.o)))

    sim = Simulator(dut)
    sim.add_testbench(bench)
    sim.run()
    return wrong


def test_every_product_of_signed_bytes_from_adders():
    assert products(Multiplier(a_shape=signed(8), b_shape=signed(8), logic=True)) == []


@pytest.mark.parametrize("logic", [False, True])
@pytest.mark.parametrize("a_shape", [signed(2), signed(3), signed(5), unsigned(2), unsigned(5)])
@pytest.mark.parametrize("b_shape", [signed(2), signed(4), unsigned(3), unsigned(6)])
def test_every_product_of_other_shapes(a_shape, b_shape, logic):
    dut = Multiplier(a_shape=a_shape, b_shape=b_shape, logic=logic)
    assert dut.product_shape.width == a_shape.width + b_shape.width
    assert products(dut) == []


def test_parameters():
    dut = Multiplier(a_shape=signed(8), b_shape=unsigned(4), logic=True)
    assert (dut.a_shape, dut.b_shape, dut.logic) == (signed(8), unsigned(4), True)
    with pytest.raises(ValueError, match="two bits or more"):
        Multiplier(a_shape=signed(1), b_shape=signed(8), logic=True)
