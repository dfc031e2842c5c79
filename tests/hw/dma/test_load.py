# SPDX-License-Identifier: Apache-2.0
"""The load engine with the read master, on a behavioural memory."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from dpu_hw.dma.load import LoadEngine
from dpu_hw.dma.reader import Reader
from dpu_spec.instruction import Instruction
from dpu_spec.isa import LOAD, encode
from tests.hw.dma.memory import AxiMemory
from tests.hw.dma.transfers import configuration, pieces, plain, random_transfer

BUFFERS = ("weights", "conv_parameters", "depthwise_parameters", "table")
BASE = 0x10000


class Bench:
    """The engine, the reader, and what came out of them."""

    def __init__(self, config, *, stall=0.0, latency=(1, 1), refuse=0.0, seed=0, size=8192):
        self.config = config
        self.random = random.Random(seed)
        self.refuse = refuse
        self.module = Module()
        self.load = LoadEngine(configuration=config, burst_beats=64)
        self.reader = Reader(
            data_bytes=config.axi_bytes, outstanding=config.read_outstanding, load_beats=128
        )
        self.module.submodules.load = self.load
        self.module.submodules.reader = self.reader
        connect(self.module, self.load.bursts, self.reader.i_load)
        connect(self.module, self.reader.o_load, self.load.beats)
        self.memory = AxiMemory(
            self.reader.axi,
            data_bytes=config.axi_bytes,
            size=size,
            base=BASE,
            stall=stall,
            latency=latency,
            seed=seed,
        )
        self.memory.data[:] = self.random.randbytes(size)
        # Windows that begin anywhere.
        self.windows = [(BASE + 16 + 1021 * i, 2048 + i) for i in range(4)]
        self.written = []
        self.done = 0
        self.first_write = None
        self.cycles = 0
        self.waits = [0, 0]

    async def _port(self, ctx):
        port = self.load.write.request
        others = [getattr(self.load, name) for name in BUFFERS]
        watched = [s for b in others for s in (b.valid, b.payload.address, b.payload.data)]
        while True:
            ctx.set(port.ready, self.random.random() >= self.refuse)
            values = await ctx.tick().sample(
                port.valid,
                port.ready,
                port.payload.address,
                port.payload.data,
                self.load.load.done,
                self.load.load.wait_bank,
                self.load.load.wait_memory,
                *watched,
            )
            valid, ready, address, word, done, bank, memory, *rest = values[2:]
            self.cycles += 1
            self.done += done
            self.waits[0] += bank
            self.waits[1] += memory
            if valid and ready:
                self.written.append((0, address, bytes(x & 255 for x in word)))
            for i in range(len(BUFFERS)):
                up, address, word = rest[3 * i : 3 * i + 3]
                if up:
                    self.written.append((i + 1, address, bytes(x & 255 for x in word)))

    async def _run(self, ctx, transfers, limit):
        for own, (base, size) in zip(self.load.windows, self.windows, strict=True):
            ctx.set(own.base, base)
            ctx.set(own.size, size)
        stream = self.load.load.instruction
        for values in transfers:
            word = int.from_bytes(encode(Instruction(LOAD, values)), "little")
            ctx.set(stream.payload, word)
            ctx.set(stream.valid, 1)
            for _ in range(limit):
                _, _, ready = await ctx.tick().sample(stream.ready)
                if ready or ctx.get(self.load.outside):
                    break
            ctx.set(stream.valid, 0)
        for _ in range(limit):
            if self.done == len(transfers) or ctx.get(self.load.outside):
                break
            if ctx.get(self.reader.error_load):
                break
            await ctx.tick()
        self.finished = self.cycles
        await ctx.tick().repeat(200)
        self.state = {
            "outside": ctx.get(self.load.outside),
            "error": ctx.get(self.reader.error_load),
            "busy": ctx.get(self.load.load.busy),
            "idle": ctx.get(self.reader.idle),
            "inside": ctx.get(self.load.inside),
            "arrived": ctx.get(self.reader.arrived),
        }

    def run(self, transfers, limit=20000):
        """Run LOADs until all are done."""
        simulator = Simulator(self.module)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self.memory.read_side, background=True)
        simulator.add_testbench(self._port, background=True)

        async def main(ctx):
            await self._run(ctx, transfers, limit)

        simulator.add_testbench(main)
        simulator.run()

    def check(self, transfers):
        """Compare what was written with the pseudo-code."""
        lanes = self.config.lanes
        expected = []
        for values in transfers:
            base = self.windows[values["window"]][0] - BASE
            for at, word, n in pieces(values, lanes):
                data = bytes(self.memory.data[base + at : base + at + n])
                expected.append((values.get("target", 0), word, data))
        got = [(t, a, w[: len(e[2])]) for (t, a, w), e in zip(self.written, expected, strict=True)]
        assert got == expected
        assert self.done == len(transfers)
        assert self.state["busy"] == 0
        assert self.state["idle"] == 1
        assert self.state["inside"] == self.state["arrived"] == len(transfers)


@pytest.mark.parametrize("axi_bytes", [4, 8, 16])
@pytest.mark.parametrize("lanes", [4, 8, 16])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_random_transfers_match_the_pseudo_code(lanes, axi_bytes, stall):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    transfers = []
    for _ in range(10):
        values = random_transfer(source, lanes=lanes, words=8192, size=2048)
        transfers.append(values | {"target": source.choice((0, 0, 0, 1, 2, 3, 4))})
    bench = Bench(
        configuration(lanes=lanes, axi_bytes=axi_bytes),
        stall=stall,
        latency=(1, 40) if stall else (40, 40),
        refuse=stall,
        seed=seed,
    )
    bench.run(transfers)
    bench.check(transfers)


def test_long_latency():
    config = configuration(lanes=8, axi_bytes=8)
    transfers = [plain(offset=3 * i, count=90 + i, address=64 * i) for i in range(6)]
    bench = Bench(config, latency=(200, 200))
    bench.run(transfers)
    bench.check(transfers)
    # All were requested ahead, and so waited for the memory once.
    assert bench.finished < 500


def test_contiguous_load_takes_a_beat_each_cycle():
    config = configuration(lanes=8, axi_bytes=8, read_outstanding=8)
    rows = {
        "window": 0,
        "address": 0,
        "dram_offset": 0,
        "dram_column_stride": 0,
        "dram_row_stride": 64,
        "row_bytes": 64,
        "rows": 30,
        "columns": 8,
        "depth": 8,
        "row_stride": 8,
        "ring_start": 0,
        "ring_words": 512,
        "block_stride": 512,
    }
    transfers = [plain(offset=0, count=2000, address=0), rows]
    bench = Bench(config, latency=(40, 40))
    bench.run(transfers)
    bench.check(transfers)
    times = bench.memory.read_times
    print("beats", len(times), "cycles", times[-1] - times[0] + 1)
    assert times[-1] - times[0] + 1 <= len(times) + 4
    # Folded rows: as few bursts as a plain run of that length takes.
    assert len(bench.memory.reads) <= 2000 // 512 + 2 + 1920 // 512 + 2


def test_planar_rows_take_a_word_each_cycle():
    config = configuration(lanes=8, axi_bytes=8)
    values = plain(offset=5, count=0, address=0) | {
        "row_bytes": 300,
        "columns": 300,
        "depth": 1,
    }
    bench = Bench(config)
    bench.run([values])
    bench.check([values])
    assert bench.finished < 300 + 50


@pytest.mark.parametrize("which", [0, 1, 2])
def test_access_outside_its_window_is_never_issued(which):
    config = configuration(lanes=4, axi_bytes=4)
    bench = Bench(config)
    size = bench.windows[1][1]
    good = plain(offset=size - 40, count=40, address=0, window=1)
    bad = [
        plain(offset=size - 39, count=40, address=0, window=1),
        plain(offset=(1 << 32) - 8, count=16, address=0, window=1),
        good | {"rows": 2, "dram_row_stride": 0xFFFFFF, "ring_words": 100, "row_stride": 10},
    ][which]
    bench.run([good, bad])
    assert bench.state["outside"] == 1
    assert bench.state["arrived"] == 1
    assert bench.state["inside"] == 1
    window = bench.windows[1]
    for start, beats in bench.memory.reads:
        assert start >= window[0] - 3
        assert start + 4 * beats <= window[0] + window[1] + 3


def test_error_response_stops_the_engine():
    config = configuration(lanes=8, axi_bytes=8)
    bench = Bench(config, latency=(30, 30))
    transfers = [plain(offset=0, count=100, address=0), plain(offset=512, count=1000, address=99)]
    base = bench.windows[0][0]
    second = base + 512 - (base + 512) % 512 + 512
    bench.memory.bad_reads.add(second)
    bench.run(transfers)
    assert bench.state["error"] == 1
    assert bench.state["arrived"] == 1
    # What was in flight has come and was dropped.
    assert bench.state["idle"] == 1


def test_stop_completes_bursts_in_flight():
    config = configuration(lanes=8, axi_bytes=8)
    bench = Bench(config, latency=(50, 50))
    stop = Signal()
    bench.module.d.comb += bench.reader.stop.eq(stop)
    simulator = Simulator(bench.module)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench.memory.read_side, background=True)
    simulator.add_testbench(bench._port, background=True)

    async def main(ctx):
        await bench._run(ctx, [plain(offset=0, count=1500, address=0)], 30)
        ctx.set(stop, 1)
        requested = len(bench.memory.reads)
        await ctx.tick().repeat(400)
        assert ctx.get(bench.reader.idle)
        assert len(bench.memory.reads) <= requested + 1
        assert bench.memory.read_beats == sum(beats for _, beats in bench.memory.reads)

    simulator.add_testbench(main)
    simulator.run()


def test_fetches_and_loads_take_turns():
    reader = Reader(data_bytes=4, outstanding=8, load_beats=16)
    memory = AxiMemory(reader.axi, data_bytes=4, size=4096, latency=(20, 20))
    memory.data[:] = bytes(range(256)) * 16
    got = {"fetch": [], "load": []}
    cycle = [0]
    requested = [0]

    async def requests(ctx, stream, addresses, wait):
        await ctx.tick().repeat(wait + 1)
        for address in addresses:
            ctx.set(stream.payload.address, address)
            ctx.set(stream.payload.more, 15)
            ctx.set(stream.valid, 1)
            await ctx.tick().until(stream.ready)
            ctx.set(stream.valid, 0)
        if wait:
            requested[0] = cycle[0]

    async def receive(ctx):
        ctx.set(reader.o_fetch.ready, 1)
        ctx.set(reader.o_load.ready, 1)
        while True:
            cycle[0] += 1
            o = (reader.o_fetch, reader.o_load)
            values = await ctx.tick().sample(*(x for s in o for x in (s.valid, s.payload)))
            for name, valid, payload in zip(got, values[2::2], values[3::2], strict=True):
                if valid:
                    got[name].append((cycle[0], bytes(payload)))

    async def loads(ctx):
        await requests(ctx, reader.i_load, range(0, 1024, 64), 0)
        await ctx.tick().repeat(100)

    async def fetches(ctx):
        await requests(ctx, reader.i_fetch, [2048], 60)

    simulator = Simulator(reader)
    simulator.add_clock(1e-6)
    simulator.add_testbench(memory.read_side, background=True)
    simulator.add_testbench(receive, background=True)
    simulator.add_testbench(loads)
    simulator.add_testbench(fetches)
    simulator.run()
    assert b"".join(x for _, x in got["load"]) == bytes(memory.data[:1024])
    assert b"".join(x for _, x in got["fetch"]) == bytes(memory.data[2048 : 2048 + 64])
    # At most two bursts of loads are ahead of it.
    assert got["fetch"][0][0] - requested[0] <= 32 + 25
