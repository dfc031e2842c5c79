# SPDX-License-Identifier: Apache-2.0
"""An AXI4 master that keeps a memory busy and compares what it reads."""

import dataclasses
import random

from amaranth.sim import Simulator

from dpu_hw.sdram import Sdram
from tests.hw.sdram.model import SdramModel

#: The start-up sequence of tests waits for 2 microseconds instead of 200.
POWER_UP = 2e3


def short(chip):
    """Return the chip with a short start-up time."""
    return dataclasses.replace(chip, power_up=POWER_UP)


async def until(ctx, condition, *values):
    """Wait for a cycle with the condition; return what the values were in it.

    The simulator's own way can't be left half-way, when another testbench fails.
    """
    while True:
        _, _, done, *sampled = await ctx.tick().sample(condition, *values)
        if done:
            return sampled


class Bench:
    """A controller, the chip, and a master with five independent channels.

    Bursts are (address, beats); writes come with their bytes and a strobe for each. Those that a
    phase reads are none that it writes.
    """

    def __init__(self, chip, *, clock_hertz, data_bytes, round_trip=0, stall=0.0, seed=0):
        self.chip = short(chip)
        self.width = data_bytes
        self.stall = stall
        self.seed = seed
        self.dut = Sdram(
            chip=self.chip, clock_hertz=clock_hertz, data_bytes=data_bytes, round_trip=round_trip
        )
        self.model = SdramModel(
            self.dut.pins, self.chip, clock_hertz, round_trip=round_trip, seed=seed
        )
        self.expected = {}
        self.ended = self.phase = 0
        self.work = {}

    def byte(self, address):
        """Return the byte that the memory must hold."""
        return self.expected.get(address, 0)

    def _source(self, name):
        return random.Random(f"{self.seed} {name}")

    def _channel(self, name, steps):
        """Return a testbench that passes payloads on a channel: steps set and check them."""
        source = self._source(name)
        axi = self.dut.axi
        sends = name in ("ar", "aw", "w")
        mine = getattr(axi, name + ("valid" if sends else "ready"))
        theirs = getattr(axi, name + ("ready" if sends else "valid"))
        names = {"r": ("rdata", "rresp", "rlast"), "b": ("bresp",)}.get(name, ())
        sampled = [getattr(axi, field) for field in names]

        async def process(ctx):
            for step in steps:
                while source.random() < self.stall:
                    await ctx.tick().repeat(source.randint(1, 12))
                if sends:
                    for field, value in step.items():
                        ctx.set(getattr(axi, name + field), value)
                ctx.set(mine, 1)
                values = await until(ctx, theirs, *sampled)
                ctx.set(mine, 0)
                if not sends:
                    step(*values)
            self.ended += 1

        return process

    def _request(self, address, beats):
        size = (self.width - 1).bit_length()
        return {"addr": address, "len": beats - 1, "size": size, "burst": 1, "cache": 3}

    def _beats(self, writes):
        width = self.width
        for _, beats, data, strobes in writes:
            for beat in range(beats):
                at = beat * width
                strobe = sum(strobes[at + i] << i for i in range(width))
                word = int.from_bytes(data[at : at + width], "little")
                yield {"data": word, "strb": strobe, "last": beat == beats - 1}

    def _checks(self, reads):
        for address, beats in reads:
            for beat in range(beats):
                at = address + beat * self.width
                outside = address >= self.chip.size

                def check(data, response, last, at=at, outside=outside, end=beat == beats - 1):
                    assert response == (3 if outside else 0)
                    assert last == end
                    if not outside:
                        found = data.to_bytes(self.width, "little")
                        wanted = bytes(self.byte(at + i) for i in range(self.width))
                        assert found == wanted, f"0x{at:x}: {found.hex()}, not {wanted.hex()}"

                yield check

    @staticmethod
    def _answers(writes, size):
        for address, *_ in writes:

            def check(response, address=address):
                assert response == (3 if address >= size else 0)

            yield check

    def _note(self, writes):
        for address, _, data, strobes in writes:
            if address < self.chip.size:
                for i, strobe in enumerate(strobes):
                    if strobe:
                        self.expected[address + i] = data[i]

    def run(self, phases):
        """Run phases of (reads, writes), each after the one before; return the cycles of each."""
        times = []

        async def conduct(ctx):
            await until(ctx, self.dut.ready)
            for reads, writes in phases:
                start = self.model.cycle
                self.ended = 0
                channels = {
                    "ar": [self._request(*burst) for burst in reads],
                    "r": list(self._checks(reads)),
                    "aw": [self._request(*burst[:2]) for burst in writes],
                    "w": list(self._beats(writes)),
                    "b": list(self._answers(writes, self.chip.size)),
                }
                self.work = channels
                self.phase += 1
                limit = 200_000
                while self.ended < len(channels):
                    await ctx.tick()
                    limit -= 1
                    assert limit, f"phase {self.phase} doesn't end"
                times.append(self.model.cycle - start)
                self._note(writes)
            await ctx.tick().repeat(40)

        def worker(name):
            async def process(ctx):
                done = 0
                while True:
                    while self.phase == done:
                        await ctx.tick()
                    done = self.phase
                    await self._channel(name, self.work[name])(ctx)

            return process

        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.model.run, background=True)
        for name in ("ar", "r", "aw", "w", "b"):
            simulator.add_testbench(worker(name), background=True)
        simulator.add_testbench(conduct)
        simulator.run()
        return times

    def compare(self):
        """Compare the whole memory with what it must hold."""
        wrong = [a for a in self.expected if self.model.peek(a) != self.expected[a]]
        assert not wrong, [hex(a) for a in wrong[:8]]
