# SPDX-License-Identifier: Apache-2.0
"""The store engine with the write master, on a behavioural memory."""

import random
from collections import deque

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from dpu_hw.dma.store import StoreEngine
from dpu_hw.dma.writer import Writer
from dpu_hw.ports import READ_LATENCY
from dpu_spec.instruction import Instruction
from dpu_spec.isa import STORE, encode
from tests.hw.dma.memory import AxiMemory
from tests.hw.dma.transfers import configuration, pieces, plain, random_transfer

BASE = 0x20000


class Bench:
    """The engine, the write master, and the memory behind them."""

    def __init__(self, config, *, stall=0.0, latency=(1, 1), refuse=0.0, seed=0, size=24576):
        self.config = config
        self.random = random.Random(seed)
        self.refuse = refuse
        self.module = Module()
        self.store = StoreEngine(configuration=config, burst_beats=32)
        self.writer = Writer(
            data_bytes=config.axi_bytes, outstanding=config.write_outstanding, burst_beats=32
        )
        self.module.submodules.store = self.store
        self.module.submodules.writer = self.writer
        connect(self.module, self.store.bursts, self.writer.bursts)
        connect(self.module, self.store.beats, self.writer.beats)
        self.module.d.comb += self.store.answered.eq(self.writer.done)
        self.memory = AxiMemory(
            self.writer.axi,
            data_bytes=config.axi_bytes,
            size=size,
            base=BASE,
            stall=stall,
            latency=latency,
            seed=seed,
        )
        self.words = [
            [self.random.randint(-128, 127) for _ in range(config.lanes)] for _ in range(8192)
        ]
        self.windows = [(BASE + 11 + 5001 * i, 4990 + i) for i in range(4)]
        self.done = 0
        self.cycles = 0
        self.last_beat = 0
        # Cycles of the last B and of done.
        self.early = False

    async def _port(self, ctx):
        port = self.store.read
        pipeline = deque([None] * READ_LATENCY)
        while True:
            ctx.set(port.request.ready, self.random.random() >= self.refuse)
            _, _, valid, ready, address, done = await ctx.tick().sample(
                port.request.valid, port.request.ready, port.request.payload, self.store.store.done
            )
            self.cycles += 1
            self.done += done
            pipeline.append(address if valid and ready else None)
            # Valid from READ_LATENCY cycles after the transfer, for a cycle.
            pipeline.popleft()
            due = pipeline[0]
            word = (
                self.words[due]
                if due is not None
                else [self.random.randint(-128, 127)] * len(self.words[0])
            )
            ctx.set(port.data, word)

    async def _run(self, ctx, transfers, limit):
        for own, (base, size) in zip(self.store.windows, self.windows, strict=True):
            ctx.set(own.base, base)
            ctx.set(own.size, size)
        stream = self.store.store.instruction
        for values in transfers:
            word = int.from_bytes(encode(Instruction(STORE, values)), "little")
            ctx.set(stream.payload, word)
            ctx.set(stream.valid, 1)
            for _ in range(limit):
                _, _, ready = await ctx.tick().sample(stream.ready)
                if ready or ctx.get(self.store.outside):
                    break
            ctx.set(stream.valid, 0)
        for _ in range(limit):
            if self.done == len(transfers) or ctx.get(self.store.outside):
                break
            if ctx.get(self.writer.error):
                break
            await ctx.tick()
        self.finished = self.cycles
        await ctx.tick().repeat(200)
        self.state = {
            "outside": ctx.get(self.store.outside),
            "error": ctx.get(self.writer.error),
            "busy": ctx.get(self.store.store.busy),
            "idle": ctx.get(self.writer.idle),
            "completed": ctx.get(self.store.completed),
        }

    def run(self, transfers, limit=20000):
        """Run STOREs until all are done."""
        simulator = Simulator(self.module)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.memory.write_side, background=True)
        simulator.add_testbench(self._port, background=True)

        async def main(ctx):
            await self._run(ctx, transfers, limit)

        simulator.add_testbench(main)
        simulator.run()

    def check(self, transfers):
        """Compare the memory with the pseudo-code."""
        expected = bytearray(len(self.memory.data))
        for values in transfers:
            base = self.windows[values["window"]][0] - BASE
            for at, word, n in pieces(values, self.config.lanes):
                expected[base + at : base + at + n] = bytes(x & 255 for x in self.words[word][:n])
        assert bytes(self.memory.data) == bytes(expected)
        assert self.done == len(transfers)
        assert self.state["busy"] == 0
        assert self.state["idle"] == 1
        assert self.state["completed"] == len(transfers)


@pytest.mark.parametrize("axi_bytes", [4, 8, 16])
@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_random_transfers_match_the_pseudo_code(lanes, axi_bytes, stall):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    transfers = []
    for i in range(10):
        values = random_transfer(source, lanes=lanes, words=8192, size=480)
        # A place of its own for each, so that every byte is written once.
        values["dram_offset"] += 480 * i
        values["window"] = 1
        transfers.append(values)
    bench = Bench(
        configuration(lanes=lanes, axi_bytes=axi_bytes),
        stall=stall,
        latency=(1, 40) if stall else (1, 1),
        refuse=stall,
        seed=seed,
    )
    bench.run(transfers)
    bench.check(transfers)


@pytest.mark.parametrize(("lanes", "axi_bytes"), [(8, 8), (4, 4), (8, 4), (16, 16)])
def test_contiguous_store_takes_a_beat_each_cycle(lanes, axi_bytes):
    count = 4800
    transfers = [plain(offset=0, count=count, address=0)]
    bench = Bench(configuration(lanes=lanes, axi_bytes=axi_bytes, write_outstanding=4))
    bench.run(transfers)
    bench.check(transfers)
    times = bench.memory.write_times
    print("beats", len(times), "cycles", times[-1] - times[0] + 1, "all", bench.finished)
    assert times[-1] - times[0] + 1 <= len(times) * 1.02 + 4


def test_bursts_never_stall_half_way():
    # One byte of each word: beats fill eight times slower than the bus takes them.
    values = plain(offset=3, count=0, address=0) | {"row_bytes": 700, "columns": 700, "depth": 1}
    bench = Bench(configuration(lanes=8, axi_bytes=8), refuse=0.3)
    bench.run([values])
    bench.check([values])
    times = iter(bench.memory.write_times)
    for _, beats in bench.memory.writes:
        burst = [next(times) for _ in range(beats)]
        assert burst[-1] - burst[0] == beats - 1


def test_done_waits_for_the_answers():
    values = plain(offset=0, count=600, address=0)
    bench = Bench(configuration(lanes=8, axi_bytes=8), latency=(90, 90))
    bench.run([values])
    bench.check([values])
    assert bench.finished > bench.memory.write_times[-1] + 90


@pytest.mark.parametrize("past", [1, 1 << 30])
def test_access_outside_its_window_is_never_issued(past):
    bench = Bench(configuration(lanes=8, axi_bytes=8))
    size = bench.windows[2][1]
    bad = plain(offset=size - 100 + past, count=100, address=0, window=2)
    bench.run([plain(offset=size - 100, count=100, address=0, window=2), bad])
    assert bench.state["outside"] == 1
    assert bench.state["completed"] == 1
    assert sum(beats for _, beats in bench.memory.writes) == bench.memory.write_beats <= 14


def test_error_response_stops_the_engine():
    bench = Bench(configuration(lanes=8, axi_bytes=8))
    base = bench.windows[0][0]
    bench.memory.bad_writes.add(base - base % 256 + 512)
    bench.run([plain(offset=0, count=2000, address=0)])
    assert bench.state["error"] == 1
    assert bench.state["completed"] == 0
    assert bench.state["idle"] == 1
    assert bench.memory.write_beats == sum(beats for _, beats in bench.memory.writes)
