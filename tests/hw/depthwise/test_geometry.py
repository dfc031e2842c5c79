# SPDX-License-Identifier: Apache-2.0
"""Prepared addresses against their definition."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.depthwise.geometry import Geometry
from dpu_spec.isa import DEPTHWISE
from tests.hw.depthwise.streams import receive, send


def draw(rng, address_bits):
    values = {
        field.name: rng.randint(max(field.minimum, -2048), min(field.maximum, 1000))
        for field in DEPTHWISE.fields
    }
    values["stride_y"], values["stride_x"] = rng.randint(1, 15), rng.randint(1, 4)
    values["dilation_y"], values["dilation_x"] = rng.choice(((1, 1), (2, 1), (63, 63), (5, 2)))
    step = max(values["stride_y"], values["dilation_y"])
    size = 1 << address_bits
    values["row_stride"] = rng.randint(1, (size - 1) // (step + 1))
    # A ring may be as long as there are addresses, if a field can tell.
    words = rng.choice((rng.randint(step * values["row_stride"] + 1, size), size))
    words = min(words, 65535)
    values["ring_words"] = words
    values["ring_start"] = rng.randint(0, size - words)
    values["address"] = values["ring_start"] + rng.randrange(words)
    return values


@pytest.mark.parametrize("address_bits", [10, 13, 16])
def test_every_derived_value(address_bits):
    print("seed 1")
    rng = random.Random(1)
    items = [draw(rng, address_bits) for _ in range(60)]
    dut = Geometry(address_bits=address_bits)
    assert dut.address_bits == address_bits
    results = []

    async def sender(ctx):
        await send(ctx, dut.i, items)

    async def receiver(ctx):
        results.extend(await receive(ctx, dut.o, len(items), rng, 0.5))

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(sender)
    sim.add_testbench(receiver)
    sim.run()

    for i, o in zip(items, results, strict=True):
        start, words, stride = i["ring_start"], i["ring_words"], i["row_stride"]
        for k in range(3):
            rows = k * i["dilation_y"]
            assert o.base[k] == start + (i["address"] + rows * stride - start) % words
            assert o.y[k] == i["y0"] + rows
        step = i["stride_y"] * stride
        assert o.row_step == step
        assert o.row_step_wrapped == (step - words) % (1 << address_bits)
        assert o.row_limit == start + words - step
        slides = i["dilation_x"] == 1 and i["stride_x"] in (1, 2)
        assert o.tap_step == i["dilation_x"]
        assert o.new_columns == (i["stride_x"] if slides else 3)
        assert o.pixel_step == (1 if slides else i["stride_x"] - 2 * i["dilation_x"])
        for name in ("block_stride", "rows", "columns", "blocks", "stride_y", "x0", "height"):
            assert o[name] == i[name]
