# SPDX-License-Identifier: Apache-2.0
"""Reading ahead against a scratchpad that refuses."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from dpu_hw.ports import READ_LATENCY
from dpu_hw.vector.fetch import Fetch
from tests.hw.vector.stream import drain, feed

COUNT = 200


def run(rng, refuse, rate, outside):
    dut = Fetch(lanes=4, tag_shape=8)
    items = [
        {
            "address": int(rng.integers(65536)),
            "inside": int(rng.random() >= outside),
            "tag": n % 256,
        }
        for n in range(COUNT)
    ]
    taken = []
    requests = []

    async def feeder(ctx):
        await feed(ctx, dut.i, items, rng)

    async def drainer(ctx):
        taken.extend(await drain(ctx, dut.o, COUNT, rng, rate))

    async def scratchpad(ctx):
        flight = [None] * READ_LATENCY
        while True:
            ready = int(rng.random() >= refuse)
            ctx.set(dut.read.request.ready, ready)
            address = flight.pop(0)
            # Data of cycles that nobody asked for must not be taken.
            value = 0xDEADBEEF if address is None else address * 65537
            ctx.set(dut.read.data.as_value(), value)
            _, _, valid, address = await ctx.tick().sample(
                dut.read.request.valid, dut.read.request.payload
            )
            flight.append(address if valid and ready else None)
            if valid and ready:
                requests.append(address)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(feeder)
    simulator.add_testbench(drainer)
    simulator.add_testbench(scratchpad, background=True)
    simulator.run()
    assert requests == [item["address"] for item in items if item["inside"]]
    for item, (_, seen) in zip(items, taken, strict=True):
        assert (seen.inside, seen.tag) == (item["inside"], item["tag"])
        if item["inside"]:
            assert seen.word.as_bits() == item["address"] * 65537
    return taken


@pytest.mark.parametrize("outside", [0, 0.4, 1])
@pytest.mark.parametrize(("refuse", "rate"), [(0.6, 1.0), (0, 0.3), (0.3, 0.6)])
def test_order(refuse, rate, outside):
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    run(np.random.default_rng(seed), refuse, rate, outside)


@pytest.mark.parametrize("outside", [0, 0.4])
def test_one_word_a_cycle(outside):
    taken = run(np.random.default_rng(0), 0, 1.0, outside)
    assert taken[-1][0] - taken[0][0] == COUNT - 1


def test_sparse_refusals_cost_only_themselves():
    """The words in the queue bridge a refusal where their taker is not faster than the port."""
    taken = run(np.random.default_rng(1), 0.2, 0.5, 0)
    assert taken[-1][0] < 2.3 * COUNT
