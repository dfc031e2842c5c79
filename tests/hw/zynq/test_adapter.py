# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""AXI4 bursts on AXI3 ports: every byte in its place, errors to their bursts, both ports busy."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.axi import Response
from dpu_hw.zynq import Axi3Adapter
from dpu_hw.zynq.axi3 import MAXIMUM_BEATS
from tests.hw.zynq.master import Burst, Master, random_bursts
from tests.hw.zynq.slave import Axi3Slave

SIZE = 12 << 10
HALF = SIZE // 2
LIMIT = 200_000


def run(
    width,
    *,
    reads,
    writes,
    seed,
    bad=(),
    bad_words=(),
    stalls=(0.0, 0.0),
    latency=(1, 1),
    pause=0.0,
):
    """Run bursts; return the master and the slaves."""
    source = random.Random(seed)
    dut = Axi3Adapter(data_bytes=width)
    memory = bytearray(source.randbytes(SIZE))
    bad, bad_words = dict(bad), dict(bad_words)
    master = Master(
        dut.axi,
        width=width,
        reads=reads,
        writes=writes,
        memory=memory,
        bad=bad,
        bad_words=bad_words,
        pause=pause,
        seed=seed,
    )
    slaves = [
        Axi3Slave(
            port,
            width=min(width, 8),
            data=memory,
            bad=bad,
            bad_words=bad_words,
            stall=stall,
            latency=latency,
            early=source.random() < 0.5,
            seed=f"{seed} {index}",
        )
        for index, (port, stall) in enumerate(zip(dut.ports, stalls, strict=False))
    ]

    async def judge(ctx):
        for _ in range(LIMIT):
            await ctx.tick()
            if master.ended == 2:
                return
        raise AssertionError("not all bursts ended")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for slave in slaves:
        simulator.add_testbench(slave.read_side, background=True)
        simulator.add_testbench(slave.write_side, background=True)
    for process in (
        master.count,
        master.request_reads,
        master.request_writes,
        master.take_data,
        master.give_data,
        master.take_answers,
    ):
        simulator.add_testbench(process, background=True)
    simulator.add_testbench(judge)
    simulator.run()
    assert memory == master.expected()
    return master, slaves


@pytest.mark.parametrize(
    ("width", "kind"),
    [
        (4, "stalls"),
        (4, "errors"),
        (8, "calm"),
        (8, "stalls"),
        (8, "errors"),
        (16, "calm"),
        (16, "stalls"),
        (16, "one slow port"),
        (16, "slow master"),
        (16, "errors"),
    ],
)
def test_random_bursts(width, kind):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    # The lower half is read, the upper half written.
    reads = random_bursts(source, width=width, start=0, end=HALF, writes=False)
    source.shuffle(reads)
    writes = random_bursts(source, width=width, start=HALF, end=SIZE, writes=True)
    errors = (Response.SLVERR, Response.DECERR)
    bad, bad_words = (
        [(index, source.choice(errors)) for index in range(SIZE // size) if source.random() < 0.1]
        for size in (128, 8)
    )
    stalls = {"stalls": (0.5, 0.5), "one slow port": source.choice([(0, 0.9), (0.9, 0)])}
    run(
        width,
        reads=reads,
        writes=writes,
        seed=seed,
        bad=bad if kind == "errors" else (),
        bad_words=bad_words if kind == "errors" else (),
        stalls=stalls.get(kind, (0.0, 0.0)),
        latency=(1, 1) if kind == "calm" else (1, source.choice((10, 100))),
        pause=0.3 if kind == "slow master" else 0.0,
    )


@pytest.mark.parametrize("width", [8, 16])
@pytest.mark.parametrize("latency", [1, 80])
def test_long_bursts_take_a_cycle_a_beat(width, latency):
    beats = 1024 // width
    count = HALF // 1024
    reads = [Burst(index * 1024, beats) for index in range(count)]
    full = (1 << width) - 1
    writes = [
        Burst(HALF + index * 1024, beats, list(range(beats)), [full] * beats)
        for index in range(count)
    ]
    master, slaves = run(
        width, reads=reads, writes=writes, seed=1, latency=(latency, latency), pause=0.0
    )
    for direction, times in master.times.items():
        # The first chunk of each port fills the pipeline.
        middle = times[4 * MAXIMUM_BEATS :]
        cycles = middle[-1] - middle[0]
        print(direction, "beats a cycle", (len(middle) - 1) / cycles)
        assert cycles <= 1.02 * (len(middle) - 1)
    if width == 16:
        for direction in ("read", "write"):
            assert slaves[0].beats[direction] == slaves[1].beats[direction]
            assert {at // 128 % 2 for at in slaves[0].chunks[direction]} == {0}
            assert {at // 128 % 2 for at in slaves[1].chunks[direction]} == {1}


def test_a_port_that_never_answers_keeps_nothing_else():
    """What was asked of the other port is still taken."""
    dut = Axi3Adapter(data_bytes=16)
    memory = bytearray(SIZE)
    reads = [Burst(index * 1024, 64) for index in range(4)]
    slave = Axi3Slave(
        dut.ports[1],
        width=8,
        data=memory,
        bad={},
        bad_words={},
        stall=0.0,
        latency=(1, 1),
        early=False,
        seed=1,
    )
    master = Master(
        dut.axi,
        width=16,
        reads=reads,
        writes=[],
        memory=memory,
        bad={},
        bad_words={},
        pause=0.0,
        seed=1,
    )

    async def silent(ctx):
        ctx.set(dut.ports[0].arready, 1)
        for _ in range(500):
            _, _, ready = await ctx.tick().sample(dut.ports[1].rready)
            assert ready
        assert slave.beats["read"] == len(slave.chunks["read"]) * MAXIMUM_BEATS > 0
        assert master.times["read"] == []

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(slave.read_side, background=True)
    simulator.add_testbench(master.request_reads, background=True)
    simulator.add_testbench(master.take_data, background=True)
    simulator.add_testbench(silent)
    simulator.run()


@pytest.mark.parametrize("width", [2, 32, "8"])
def test_widths_that_are_refused(width):
    with pytest.raises(ValueError, match="4, 8 or 16 bytes wide"):
        Axi3Adapter(data_bytes=width)
