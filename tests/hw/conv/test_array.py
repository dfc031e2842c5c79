# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The systolic array against matrix products."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from dpu_hw.conv.array import SystolicArray
from tests.hw.conv.bench import pack


@pytest.mark.parametrize(
    ("lanes", "columns", "reach", "logic"),
    [(4, 4, 4, 0), (4, 8, 4, 5), (4, 4, 1, 16), (8, 8, 2, 1)],
)
def test_pixels_meet_their_weights(lanes, columns, reach, logic):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    dut = SystolicArray(lanes=lanes, columns=columns, reach=reach, logic_multipliers=logic)

    # Tiles load as late as may be: the first row with the pixel that swaps it. Some passes are as
    # short as a tile, some cycles have no pixel.
    inputs, expected, cycle = {}, {}, 0
    for number in range(6):
        extreme = number == 5
        tile = rng.integers(-128, 128, (lanes, columns)) if not extreme else None
        tile = np.full((lanes, columns), -128) if extreme else tile
        for row in range(lanes):
            inputs.setdefault(cycle + row, {}).update(load=row == 0, weights=tile[row])
        first = True
        for slot in range(lanes + (0 if number % 2 else 5)):
            if slot and number % 3 == 2 and rng.random() < 0.4:
                continue
            pixel = np.full(lanes, -128) if extreme else rng.integers(-128, 128, lanes)
            inputs.setdefault(cycle + slot, {}).update(pixel=pixel, swap=first)
            expected[cycle + slot + dut.latency] = pixel @ tile
            first = False
        cycle += slot + 1

    async def run(ctx):
        for now in range(cycle + dut.latency + 1):
            step = inputs.get(now, {})
            pixel = step.get("pixel", rng.integers(-128, 128, lanes))
            weights = step.get("weights", rng.integers(-128, 128, columns))
            ctx.set(dut.valid, "pixel" in step)
            ctx.set(dut.swap, bool(step.get("swap", rng.integers(2))))
            ctx.set(dut.pixel.as_value(), pack(pixel))
            ctx.set(dut.load, bool(step.get("load", False)))
            ctx.set(dut.weights.as_value(), pack(weights))
            if now in expected:
                sums = [ctx.get(dut.sums[c]) for c in range(columns)]
                np.testing.assert_array_equal(sums, expected[now])
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(run)
    sim.run()


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="Reach"):
        SystolicArray(lanes=4, columns=8, reach=3, logic_multipliers=0)
    with pytest.raises(ValueError, match="no 33 multipliers"):
        SystolicArray(lanes=4, columns=8, reach=4, logic_multipliers=33)
