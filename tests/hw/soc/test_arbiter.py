# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Several masters on one memory: each gets its own data, nothing is lost, nobody starves."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.soc.arbiter import Arbiter
from tests.hw.dma.memory import AxiMemory

REGION = 16 * 4096
BURSTS = 24
#: Cycles after which a burst that hasn't ended never will.
LIMIT = 20_000


async def _until(ctx, condition, *values):
    for _ in range(LIMIT):
        _, _, done, *sampled = await ctx.tick().sample(condition, *values)
        if done:
            return sampled
    raise AssertionError("a master waits for ever")


class Master:
    """Issues bursts ahead of their data, with random pauses."""

    def __init__(self, port, index, width, seed):
        self.port, self.width = port, width
        self.random = random.Random(f"{seed} {index}")
        # Half of a region is read, the other half written, each byte once.
        base = index * REGION
        self.reads = self._bursts(base, shuffle=True)
        self.writes = self._bursts(base + REGION // 2, shuffle=False)
        self.data = {
            address: self.random.randbytes(beats * width) for address, beats in self.writes
        }
        self.ended = 0

    def _bursts(self, base, shuffle):
        bursts, at = [], base
        for _ in range(BURSTS):
            beats = self.random.choice((1, 1, 2, 3, 16))
            if at // 4096 != (at + beats * self.width - 1) // 4096:
                at = (at + 4095) // 4096 * 4096
            bursts.append((at, beats))
            at += beats * self.width
        if shuffle:
            self.random.shuffle(bursts)
        return bursts

    async def _pause(self, ctx):
        if self.random.random() < 0.3:
            await ctx.tick().repeat(self.random.randint(1, 30))

    async def _request(self, ctx, prefix, bursts):
        port = self.port
        for address, beats in bursts:
            await self._pause(ctx)
            values = {
                "addr": address,
                "len": beats - 1,
                "size": (self.width - 1).bit_length(),
                "burst": 1,
                "cache": 3,
                "valid": 1,
            }
            for name, value in values.items():
                ctx.set(getattr(port, prefix + name), value)
            await _until(ctx, getattr(port, prefix + "ready"))
            ctx.set(getattr(port, prefix + "valid"), 0)

    async def request_reads(self, ctx):
        await self._request(ctx, "ar", self.reads)

    async def request_writes(self, ctx):
        await self._request(ctx, "aw", self.writes)

    def read_data(self, memory):
        async def process(ctx):
            for address, beats in self.reads:
                for beat in range(beats):
                    await self._pause(ctx)
                    ctx.set(self.port.rready, 1)
                    port = self.port
                    data, last = await _until(ctx, port.rvalid, port.rdata, port.rlast)
                    ctx.set(self.port.rready, 0)
                    at = address + beat * self.width
                    assert data.to_bytes(self.width, "little") == memory[at : at + self.width]
                    assert last == (beat == beats - 1)
            self.ended += 1

        return process

    async def write_data(self, ctx):
        for address, beats in self.writes:
            for beat in range(beats):
                await self._pause(ctx)
                word = self.data[address][beat * self.width :][: self.width]
                ctx.set(self.port.wdata, int.from_bytes(word, "little"))
                ctx.set(self.port.wstrb, (1 << self.width) - 1)
                ctx.set(self.port.wlast, beat == beats - 1)
                ctx.set(self.port.wvalid, 1)
                await _until(ctx, self.port.wready)
                ctx.set(self.port.wvalid, 0)

    async def take_responses(self, ctx):
        for _ in self.writes:
            await self._pause(ctx)
            ctx.set(self.port.bready, 1)
            await _until(ctx, self.port.bvalid)
            ctx.set(self.port.bready, 0)
        self.ended += 1


@pytest.mark.parametrize("masters", [1, 2, 3])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_every_master_gets_its_own(masters, stall):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    width = random.Random(seed).choice((4, 8, 16))
    dut = Arbiter(data_bytes=width, masters=masters)
    memory = AxiMemory(
        dut.slave,
        data_bytes=width,
        size=masters * REGION,
        stall=stall,
        latency=(1, 40),
        seed=seed,
    )
    memory.data[:] = random.Random(seed).randbytes(len(memory.data))
    before = bytes(memory.data)
    drivers = [Master(dut.masters[i], i, width, seed) for i in range(masters)]

    async def judge(ctx):
        for _ in range(20 * LIMIT):
            await ctx.tick()
            if all(driver.ended == 2 for driver in drivers):
                return
        raise AssertionError("not all bursts ended")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(memory.read_side, background=True)
    simulator.add_testbench(memory.write_side, background=True)
    for driver in drivers:
        for process in (
            driver.request_reads,
            driver.request_writes,
            driver.read_data(before),
            driver.write_data,
            driver.take_responses,
        ):
            simulator.add_testbench(process, background=True)
    simulator.add_testbench(judge)
    simulator.run()
    for driver in drivers:
        for address, data in driver.data.items():
            assert memory.data[address : address + len(data)] == data


def test_an_arbiter_needs_a_master():
    with pytest.raises(ValueError, match="one master or more"):
        Arbiter(data_bytes=8, masters=0)
