# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Cutting runs into bursts."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.dma.bursts import Bursts


def simulate(dut, runs, windows, seed):
    """Return the bursts of runs, and whether one was outside."""
    source = random.Random(seed)
    got = []
    stalled = source.random() < 0.5

    async def receive(ctx):
        while True:
            ctx.set(dut.o.ready, not stalled or source.random() < 0.5)
            _, _, valid, ready, payload = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload
            )
            if valid and ready:
                got.append((payload.address, payload.more + 1, payload.last))

    async def main(ctx):
        for own, (base, size) in zip(dut.windows, windows, strict=True):
            ctx.set(own, {"base": base, "size": size})
        for run in runs:
            ctx.set(dut.i.payload, run)
            ctx.set(dut.i.valid, 1)
            for _ in range(200):
                _, _, ready = await ctx.tick().sample(dut.i.ready)
                if ready:
                    break
            ctx.set(dut.i.valid, 0)
        await ctx.tick().repeat(200)
        return

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(receive, background=True)

    async def run(ctx):
        await main(ctx)
        got.append((ctx.get(dut.outside), ctx.get(dut.owner), ctx.get(dut.inside)))

    simulator.add_testbench(run)
    simulator.run()
    return got[:-1], got[-1]


def cut(address, count, *, data_bytes, burst_beats, last):
    """Return the bursts of a run."""
    at = address - address % data_bytes
    bursts = []
    while at < address + count:
        block = data_bytes * burst_beats
        end = min(at - at % block + block, -(-(address + count) // data_bytes) * data_bytes)
        bursts.append((at, (end - at) // data_bytes, 0))
        at = end
    return [*bursts[:-1], (*bursts[-1][:2], last)]


@pytest.mark.parametrize(
    ("data_bytes", "burst_beats"), [(4, 256), (4, 2), (8, 256), (8, 64), (16, 256), (16, 16)]
)
def test_bursts_never_cross_4_kib_and_cover_the_run(data_bytes, burst_beats):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    windows = [(source.randrange(1 << 31), 1 << 20) for _ in range(4)]
    runs = []
    expected = []
    block = burst_beats * data_bytes
    for _ in range(30):
        window = source.randrange(4)
        count = source.choice((1, 2, data_bytes, block - 1, block, block + 1, 3 * block))
        count = min(count + source.randint(0, 2), 6 * block)
        # Around a multiple of 4 KiB.
        address = windows[window][0] // 4096 * 4096 + 4096 * source.randint(1, 9)
        address += source.randint(-data_bytes - 2, data_bytes + 2)
        last = source.randrange(2)
        run = {"window": window, "offset": address - windows[window][0], "more": count - 1}
        runs.append(run | {"last": last, "owner": 3})
        expected += cut(address, count, data_bytes=data_bytes, burst_beats=burst_beats, last=last)
    dut = Bursts(data_bytes=data_bytes, burst_beats=burst_beats, windows=4)
    got, (outside, _, inside) = simulate(dut, runs, windows, seed)
    assert got == expected
    assert not outside
    assert inside == sum(run["last"] for run in runs)
    for address, beats, _ in got:
        assert address // 4096 == (address + beats * data_bytes - 1) // 4096


@pytest.mark.parametrize(
    ("offset", "count", "inside"),
    [
        (0, 100, True),
        (99, 1, True),
        (0, 101, False),
        (99, 2, False),
        (100, 1, False),
        ((1 << 32) - 1, 2, False),
        ((1 << 32) + 3, 1, False),
        (50, (1 << 32) - 1, False),
    ],
)
def test_run_outside_its_window(offset, count, inside):
    dut = Bursts(data_bytes=4, burst_beats=64, windows=2)
    good = {"window": 1, "offset": 4, "more": 7, "last": 1, "owner": 2}
    run = {"window": 1, "offset": offset, "more": count - 1, "last": 1, "owner": 5}
    windows = [(0, 1 << 30), (0x1000, 100)]
    got, (outside, owner, before) = simulate(dut, [good, run, good], windows, 0)
    assert outside != inside
    if not inside:
        assert owner == 5
        assert before == 1
        assert got == [(0x1004, 2, 1)]


@pytest.mark.parametrize("beats", [0, 1, 3, 512])
def test_burst_lengths_are_checked(beats):
    with pytest.raises(ValueError, match="power of two"):
        Bursts(data_bytes=8, burst_beats=beats, windows=4)
