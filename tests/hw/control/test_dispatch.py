# SPDX-License-Identifier: Apache-2.0
"""Fetch, queues, decoders and tokens, with a model of the memory and fake engines."""

import random
from collections import deque

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect
from amaranth.sim import Simulator

from dpu_hw.control.dispatch import Dispatch
from dpu_hw.control.fetch import Fetch
from dpu_hw.control.instructions import Instructions
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import BY_OPCODE, CONV, CONV_PATCH, FORMATS, INSTRUCTION_BYTES, encode


def random_instruction(source, engine, **values):
    """Return the bytes of an instruction with random fields."""
    format = source.choice([f for f in BY_OPCODE.values() if f.engine is engine])
    fields = {
        field.name: source.randint(field.minimum, field.maximum)
        for field in format.fields
        if field.name not in ("opcode", "check", "wait", "signal")
    }
    return encode(Instruction(format, fields | values))


class Bench:
    """Run streams (lists of bytes) with engines that take a while for each instruction."""

    def __init__(
        self,
        streams,
        *,
        queue=4,
        data_bytes=8,
        latency=20,
        seed=0,
        work=(1, 30),
        formats=FORMATS,
    ):
        self.streams = streams
        self.data_bytes = data_bytes
        self.latency = latency
        self.work = work
        self.random = random.Random(seed)
        self.module = Module()
        m = self.module
        m.submodules.fetch = self.fetch = Fetch(queue=queue)
        m.submodules.instructions = self.instructions = Instructions(
            queue=queue, data_bytes=data_bytes
        )
        m.submodules.dispatch = self.dispatch = Dispatch(data_bytes=data_bytes, formats=formats)
        connect(m, self.fetch.requests, self.instructions.requests)
        m.d.comb += [
            self.fetch.taken.eq(self.instructions.taken),
            self.instructions.room.eq(self.dispatch.room),
            self.dispatch.valid.eq(self.instructions.valid),
            self.dispatch.chunk.eq(self.instructions.chunk),
        ]
        self.image = bytearray()
        self.places = {}
        for engine in Engine:
            self.places[engine] = (len(self.image), len(streams.get(engine, ())))
            self.image += b"".join(streams.get(engine, ()))
        with m.Switch(self.fetch.select):
            for engine, (offset, count) in self.places.items():
                with m.Case(engine):
                    m.d.comb += [
                        self.fetch.stream.offset.eq(offset),
                        self.fetch.stream.count.eq(count),
                    ]
        self.started = {engine: [] for engine in Engine}
        self.finished = {engine: [] for engine in Engine}
        self.cycle = 0
        self.waited = dict.fromkeys(Engine, 0)

    async def _memory(self, ctx):
        runs = self.fetch.runs
        beats = self.instructions.beats
        queue = deque()
        while True:
            ctx.set(runs.ready, self.random.random() < 0.7)
            now = bool(queue) and queue[0][0] <= self.cycle and self.random.random() < 0.9
            ctx.set(beats.valid, now)
            if now:
                ctx.set(beats.payload, list(queue.popleft()[1]))
            _, _, valid, ready, payload = await ctx.tick().sample(
                runs.valid, runs.ready, runs.payload
            )
            if valid and ready:
                data = self.image[payload.offset : payload.offset + payload.more + 1]
                assert len(data) == payload.more + 1
                for i in range(0, len(data), self.data_bytes):
                    due = self.cycle + self.latency
                    queue.append((due, data[i : i + self.data_bytes]))

    def _engine(self, engine):
        port = getattr(self.dispatch, engine.name.lower())

        async def run(ctx):
            # Several instructions at once, as in a pipeline.
            work = deque()
            while True:
                room = len(work) < 3 and self.random.random() < 0.8
                ctx.set(port.instruction.ready, room)
                done = bool(work) and work[0] <= self.cycle
                ctx.set(port.done, done)
                if done:
                    work.popleft()
                    self.finished[engine].append(self.cycle)
                waiting = self.dispatch.waiting
                _, _, valid, payload, waits = await ctx.tick().sample(
                    port.instruction.valid, port.instruction.payload, waiting
                )
                self.waited[engine] += waits >> engine & 1
                if valid and room:
                    data = payload.to_bytes(INSTRUCTION_BYTES[engine], "little")
                    self.started[engine].append((self.cycle, data))
                    last = work[-1] if work else self.cycle
                    work.append(max(self.cycle, last) + self.random.randint(*self.work))

        return run

    def run(self, limit=20000):
        """Run until all instructions are finished, or nothing has moved for a while."""
        simulator = Simulator(self.module)
        simulator.add_clock(1e-6)
        simulator.add_testbench(self._memory, background=True)
        for engine in Engine:
            simulator.add_testbench(self._engine(engine), background=True)

        async def main(ctx):
            total = sum(len(s) for s in self.streams.values())
            for _ in range(limit):
                await ctx.tick()
                self.cycle += 1
                ended = sum(len(f) for f in self.finished.values()) == total
                if ended or ctx.get(self.dispatch.check_failed | self.dispatch.opcode_failed):
                    break
            await ctx.tick().repeat(4)
            self.state = {
                name: ctx.get(getattr(self.dispatch, name))
                for name in ("check_failed", "opcode_failed", "waiting", "idle")
            }
            self.state["empty"] = ctx.get(self.fetch.empty)
            self.indices = [ctx.get(index) for index in self.dispatch.index]

        simulator.add_testbench(main)
        simulator.run()

    def check(self):
        """Every engine got its whole stream in order."""
        for engine in Engine:
            got = [data for _, data in self.started[engine]]
            assert got == list(self.streams.get(engine, ()))
            assert len(self.finished[engine]) == len(got)
        assert self.state["idle"] == self.state["empty"] == 63


@pytest.mark.parametrize(("queue", "data_bytes"), [(2, 4), (4, 16), (8, 8)])
def test_streams_arrive_complete_and_in_order(queue, data_bytes):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    streams = {
        engine: [random_instruction(source, engine) for _ in range(source.choice((0, 1, 7, 16)))]
        for engine in Engine
    }
    bench = Bench(streams, queue=queue, data_bytes=data_bytes, seed=seed)
    bench.run()
    bench.check()


def test_tokens_order_engines():
    """A random program whose tokens can be counted off in program order."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    order = []
    pending = [[0] * 6 for _ in range(6)]
    for _ in range(60):
        engine = source.choice(list(Engine))
        # Wait for what was signalled to it so far, now and then; also from itself.
        wait = sum(1 << s for s in range(6) if pending[s][engine] and source.random() < 0.7)
        signal = sum(1 << w for w in range(6) if source.random() < 0.3)
        for s in range(6):
            pending[s][engine] -= wait >> s & 1
            pending[engine][s] += signal >> s & 1
        order.append((engine, wait, signal))
    streams = {engine: [] for engine in Engine}
    for engine, wait, signal in order:
        streams[engine].append(random_instruction(source, engine, wait=wait, signal=signal))
    bench = Bench(streams, queue=4, seed=seed)
    bench.run()
    bench.check()
    # The n-th token from s to w is given when the n-th signalling instruction of s finishes; the
    # n-th waiting instruction of w starts later.
    for s in Engine:
        for w in Engine:
            given = [bench.finished[s][i] for i, x in enumerate(streams[s]) if x[3] >> w & 1]
            taken = [bench.started[w][i][0] for i, x in enumerate(streams[w]) if x[2] >> s & 1]
            for at, start in zip(given, taken, strict=False):
                assert start > at


def test_an_engine_never_starves():
    source = random.Random(1)
    streams = {engine: [random_instruction(source, engine) for _ in range(12)] for engine in Engine}
    bench = Bench(streams, queue=8, latency=40, work=(60, 60))
    bench.run()
    bench.check()
    first = {engine: bench.started[engine][0][0] for engine in Engine}
    print("first starts", first)
    for engine in Engine:
        assert first[engine] < 130
        assert bench.finished[engine][-1] < first[engine] + 12 * 60 + 100


def test_dispatch_rate():
    source = random.Random(2)
    streams = {Engine.LOAD: [random_instruction(source, Engine.LOAD) for _ in range(24)]}
    bench = Bench(streams, queue=8, latency=4, work=(1, 1))
    bench.run()
    bench.check()
    starts = [cycle for cycle, _ in bench.started[Engine.LOAD]]
    print("cycles for each", (starts[-1] - starts[8]) / (len(starts) - 9))
    assert starts[-1] - starts[8] <= 14 * (len(starts) - 9)


@pytest.mark.parametrize("engine", list(Engine))
def test_corrupt_instruction_is_reported(engine):
    source = random.Random(engine)
    stream = [random_instruction(source, engine) for _ in range(5)]
    bit = source.randrange(8 * len(stream[3]))
    corrupt = bytearray(stream[3])
    corrupt[bit // 8] ^= 1 << bit % 8
    bench = Bench({engine: [*stream[:3], bytes(corrupt), stream[4]]}, data_bytes=16)
    bench.run(2000)
    assert bench.state["check_failed"] == 1 << engine
    assert bench.state["opcode_failed"] == 0
    assert [data for _, data in bench.started[engine]] == stream[:3]
    assert bench.indices[engine] == 3


@pytest.mark.parametrize("engine", list(Engine))
def test_instruction_of_another_engine_is_reported(engine):
    source = random.Random(engine)
    stream = [random_instruction(source, engine) for _ in range(2)]
    wrong = bytearray(stream[1])
    opcode = random_instruction(source, Engine((engine + 1) % 6))[0]
    wrong[1] ^= wrong[0] ^ opcode
    wrong[0] = opcode
    bench = Bench({engine: [stream[0], bytes(wrong)]}, data_bytes=16)
    bench.run(2000)
    assert bench.state["opcode_failed"] == 1 << engine
    assert bench.state["check_failed"] == 0
    assert bench.indices[engine] == 1


def test_a_format_that_is_not_there_is_reported():
    stream = [encode(Instruction(format, {})) for format in (CONV, CONV_PATCH)]
    formats = [format for format in FORMATS if format is not CONV_PATCH]
    bench = Bench({Engine.CONV: stream}, formats=formats)
    bench.run(2000)
    assert bench.state["opcode_failed"] == 1 << Engine.CONV
    assert bench.state["check_failed"] == 0
    assert [data for _, data in bench.started[Engine.CONV]] == stream[:1]
    assert bench.indices[Engine.CONV] == 1


def test_missing_token_stops_only_its_waiter():
    source = random.Random(3)
    streams = {
        Engine.CONV: [random_instruction(source, Engine.CONV, wait=1 << Engine.LOAD)],
        # A token of an engine that doesn't exist never comes.
        Engine.STORE: [random_instruction(source, Engine.STORE, wait=1 << 7)],
        Engine.VECTOR: [random_instruction(source, Engine.VECTOR, signal=0xFF)],
    }
    bench = Bench(streams)
    bench.run(400)
    assert bench.state["waiting"] == (1 << Engine.CONV) | (1 << Engine.STORE)
    assert len(bench.finished[Engine.VECTOR]) == 1
    assert bench.waited[Engine.CONV] > 100
