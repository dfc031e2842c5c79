# SPDX-License-Identifier: Apache-2.0
"""A master of an AXI4 bus in a testbench, and what it expects."""

import dataclasses
import random

from dpu_hw.axi import Response


async def _until(ctx, condition, *values):
    """Wait for a condition; return values of its cycle. (An ``until()`` that is never met can't be
    thrown away.)
    """
    while True:
        _, _, met, *sampled = await ctx.tick().sample(condition, *values)
        if met:
            return sampled


@dataclasses.dataclass
class Burst:
    """A burst: its address, not always a beat's, its beats, and a write's data and strobes."""

    address: int
    beats: int
    data: list = dataclasses.field(default_factory=list)
    strobes: list = dataclasses.field(default_factory=list)


def random_bursts(source, *, width, start, end, writes):
    """Return bursts in a range of addresses, one behind the other, so that each byte has one
    value."""
    bursts = []
    at = start
    while True:
        at += source.choice((0, 0, width, 5 * width, 200)) // width * width
        beats = min(source.choice((1, 1, 2, 3, 8, 9, 17, 64, 256)), (4096 - at % 4096) // width)
        if at + beats * width > end:
            return bursts
        skipped = source.choice((0, 0, source.randrange(width)))
        burst = Burst(at + skipped, beats)
        if writes:
            full = (1 << width) - 1
            burst.data = [source.getrandbits(8 * width) for _ in range(beats)]
            burst.strobes = [source.choice((full, source.getrandbits(width))) for _ in range(beats)]
            burst.strobes[0] &= full << skipped & full
        bursts.append(burst)
        at += beats * width


class Master:
    """Issue bursts ahead of their data, with random pauses, and check what comes back.

    ``bad`` has, for each multiple of 128 bytes in error, the error, and ``bad_words`` for each of 8
    bytes in error when it is read.
    """

    def __init__(self, axi, *, width, reads, writes, memory, bad, bad_words, pause, seed):
        self.axi, self.width = axi, width
        self.bad, self.bad_words = bad, bad_words
        self.reads, self.writes = reads, writes
        self.before = bytes(memory)
        self.random = random.Random(seed)
        self.pause = pause
        self.ended = 0
        self.cycle = 0
        # The cycle of each beat of the bus.
        self.times = {"read": [], "write": []}

    async def count(self, ctx):
        """Count cycles."""
        async for _ in ctx.tick():
            self.cycle += 1

    async def _pause(self, ctx):
        if self.random.random() < self.pause:
            await ctx.tick().repeat(self.random.randint(1, 40))

    async def _requests(self, ctx, prefix, bursts):
        for burst in bursts:
            await self._pause(ctx)
            values = {
                "addr": burst.address,
                "len": burst.beats - 1,
                "size": self.width.bit_length() - 1,
                "burst": 1,
                "cache": 3,
                "valid": 1,
            }
            for name, value in values.items():
                ctx.set(getattr(self.axi, prefix + name), value)
            await _until(ctx, getattr(self.axi, prefix + "ready"))
            ctx.set(getattr(self.axi, prefix + "valid"), 0)

    async def request_reads(self, ctx):
        """Drive AR."""
        await self._requests(ctx, "ar", self.reads)

    async def request_writes(self, ctx):
        """Drive AW."""
        await self._requests(ctx, "aw", self.writes)

    async def take_data(self, ctx):
        """Check R."""
        axi = self.axi
        for burst in self.reads:
            for beat in range(burst.beats):
                await self._pause(ctx)
                ctx.set(axi.rready, 1)
                data, response, last = await _until(
                    ctx, axi.rvalid, axi.rdata, axi.rresp, axi.rlast
                )
                self.times["read"].append(self.cycle)
                ctx.set(axi.rready, 0)
                at = burst.address // self.width * self.width + beat * self.width
                words = range(at // 8, (at + self.width - 1) // 8 + 1)
                expected = [self.bad_words.get(word, Response.OKAY) for word in words]
                assert response == max(self.bad.get(at // 128, Response.OKAY), *expected)
                assert last == (beat == burst.beats - 1)
                if not response:
                    assert data.to_bytes(self.width, "little") == self.before[at : at + self.width]
        self.ended += 1

    async def give_data(self, ctx):
        """Drive W."""
        axi = self.axi
        for burst in self.writes:
            for beat in range(burst.beats):
                await self._pause(ctx)
                ctx.set(axi.wdata, burst.data[beat])
                ctx.set(axi.wstrb, burst.strobes[beat])
                ctx.set(axi.wlast, beat == burst.beats - 1)
                ctx.set(axi.wvalid, 1)
                await _until(ctx, axi.wready)
                self.times["write"].append(self.cycle)
                ctx.set(axi.wvalid, 0)

    async def take_answers(self, ctx):
        """Check B."""
        for burst in self.writes:
            await self._pause(ctx)
            ctx.set(self.axi.bready, 1)
            (response,) = await _until(ctx, self.axi.bvalid, self.axi.bresp)
            ctx.set(self.axi.bready, 0)
            first = burst.address // self.width * self.width
            last = first + burst.beats * self.width - 1
            chunks = range(first // 128, last // 128 + 1)
            assert response == max(self.bad.get(chunk, Response.OKAY) for chunk in chunks)
        self.ended += 1

    def expected(self):
        """Return the memory as it must be in the end."""
        memory = bytearray(self.before)
        for burst in self.writes:
            for beat in range(burst.beats):
                at = burst.address // self.width * self.width + beat * self.width
                if at // 128 in self.bad:
                    continue
                for i in range(self.width):
                    if burst.strobes[beat] >> i & 1:
                        memory[at + i] = burst.data[beat] >> 8 * i & 255
        return memory
