# SPDX-License-Identifier: Apache-2.0
"""The engine between a scratchpad that may refuse and a dispatcher that never waits."""

import copy
import dataclasses
import random

from amaranth.sim import Simulator

from dpu_hw.depthwise import DepthwiseEngine
from dpu_hw.ports import READ_LATENCY
from dpu_spec.isa import encode


@dataclasses.dataclass
class Run:
    """What was observed; cycles count from the first instruction's transfer."""

    writes: list
    accepted: list
    done: list
    reads: list


def pack(word):
    return sum((int(v) & 0xFF) << (8 * lane) for lane, v in enumerate(word))


def run(configuration, model, instructions, *, seed, grant=1.0, offer=1.0, banks=None):
    """Run instructions; with ``banks``, ports that want the same bank take turns as they would."""
    rng = random.Random(seed)
    dut = DepthwiseEngine(configuration=configuration)
    scratchpad = copy.deepcopy(model.scratchpad)
    observed = Run([], [], [], [])
    start = None
    queue = [int.from_bytes(encode(i), "little") for i in instructions]

    async def bench(ctx):
        nonlocal start
        ctx.set(dut.load_parameters.valid, 1)
        for address, word in enumerate(model.parameters[: model.used_parameters]):
            ctx.set(dut.load_parameters.payload.address, address)
            ctx.set(dut.load_parameters.payload.data.as_value(), pack(word))
            await ctx.tick()
        ctx.set(dut.load_parameters.valid, 0)

        ports = [port.request for port in dut.read]
        arriving = [[0] * READ_LATENCY for _ in ports]
        write = dut.write.request
        stream = dut.depthwise.instruction
        cycle = 0
        offered = False
        while len(observed.done) < len(instructions):
            if queue and not offered and rng.random() < offer:
                offered = True
                ctx.set(stream.payload, queue[0])
                ctx.set(stream.valid, 1)
            taken = set()
            grants = []
            for port in ports:
                ready = rng.random() < grant
                if banks and ready and ctx.get(port.valid):
                    bank = ctx.get(port.payload) % banks
                    ready = bank not in taken
                    taken.add(bank)
                ctx.set(port.ready, ready)
                grants.append(ready)
            ctx.set(write.ready, rng.random() < grant)
            for port, words in zip(dut.read, arriving, strict=True):
                ctx.set(port.data.as_value(), words[0])
            sampled = (
                stream.valid & stream.ready,
                dut.depthwise.done,
                dut.depthwise.busy,
                write.valid & write.ready,
                write.payload,
                *(port.valid & port.ready for port in ports),
                *(port.payload for port in ports),
            )
            _, _, accepted, done, busy, written, payload, *requests = await ctx.tick().sample(
                *sampled
            )
            if accepted:
                queue.pop(0)
                offered = False
                ctx.set(stream.valid, 0)
                start = cycle if start is None else start
                observed.accepted.append(cycle - start)
            if done:
                assert busy
                observed.done.append((cycle - start, len(observed.writes)))
            for k, words in enumerate(arriving):
                words.pop(0)
                words.append(rng.getrandbits(8 * configuration.lanes))
                if requests[k]:
                    words[-1] = pack(scratchpad[requests[k + len(ports)]])
                    observed.reads.append((cycle - start, k))
            if written:
                word = [int(v) for v in payload.data]
                observed.writes.append((payload.address, word))
                scratchpad[payload.address] = word
            cycle += 1
            assert cycle < 50_000, "the engine stands still"
        assert not ctx.get(dut.depthwise.busy)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return observed


def check(configuration, model, instructions, **options):
    """Run and compare every write, in order, and what had been written at each done."""
    observed = run(configuration, model, instructions, **options)
    expected, counts = [], []
    for instruction in instructions:
        expected += model.run(instruction)
        counts.append(len(expected))
    assert observed.writes == expected
    assert [count for _, count in observed.done] >= counts
    assert all(have >= need for (_, have), need in zip(observed.done, counts, strict=True)), (
        "done before the last write"
    )
    return observed
