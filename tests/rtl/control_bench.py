# SPDX-License-Identifier: Apache-2.0
"""cocotb test of fetch, instruction queues and dispatch: tokens as the emulator counts them."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import cocotb
from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from cocotb.triggers import ReadOnly, RisingEdge

from dpu_hw.control.dispatch import Dispatch
from dpu_hw.control.fetch import Fetch
from dpu_hw.control.instructions import Instructions
from dpu_hw.control.layouts import ENGINES, stream_layout
from dpu_hw.dma.layouts import beat_layout, run_layout
from dpu_hw.ports import EngineSignature
from dpu_sim.emulator.tokens import Tokens
from dpu_sim.rtl.parameters import bench_parameters
from dpu_spec.instruction import TOKEN_LIMIT, Engine, Instruction
from dpu_spec.isa import FORMATS, INSTRUCTION_BYTES, decode, encode
from tests.rtl.support import start

DATA_BYTES = 8
COUNT = 150
#: Instructions that an engine holds.
DEPTH = 3
LIMIT = 60_000
_RUN = {name: (field.offset, field.width) for name, field in run_layout()}


class Control(wiring.Component):
    """Everything between the memory and the engines."""

    def __init__(self, *, queue: int) -> None:
        self._queue = queue
        super().__init__(
            {
                "stream": In(stream_layout()).array(ENGINES),
                "runs": Out(stream.Signature(run_layout())),
                "beats": In(stream.Signature(beat_layout(data_bytes=DATA_BYTES))),
                **{engine.name.lower(): Out(EngineSignature(engine)) for engine in Engine},
                "idle": Out(1),
                "failed": Out(1),
                "waiting": Out(ENGINES),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fetch = fetch = Fetch(queue=self._queue)
        m.submodules.instructions = instructions = Instructions(
            queue=self._queue, data_bytes=DATA_BYTES
        )
        m.submodules.dispatch = dispatch = Dispatch(data_bytes=DATA_BYTES)
        connect(m, fetch.runs, flipped(self.runs))
        connect(m, fetch.requests, instructions.requests)
        connect(m, flipped(self.beats), instructions.beats)
        for engine in Engine:
            name = engine.name.lower()
            connect(m, getattr(dispatch, name), flipped(getattr(self, name)))
        with m.Switch(fetch.select):
            for engine in Engine:
                with m.Case(engine):
                    m.d.comb += fetch.stream.eq(self.stream[engine])
        m.d.comb += [
            fetch.taken.eq(instructions.taken),
            instructions.room.eq(dispatch.room),
            dispatch.valid.eq(instructions.valid),
            dispatch.chunk.eq(instructions.chunk),
            self.idle.eq(dispatch.idle.all() & fetch.empty.all()),
            self.failed.eq((dispatch.check_failed | dispatch.opcode_failed).any()),
            self.waiting.eq(dispatch.waiting),
        ]
        return m


def random_streams() -> dict[Engine, list[Instruction]]:
    """Return streams that can't lock each other: tokens follow one random order of all."""
    streams: dict[Engine, list[Instruction]] = {engine: [] for engine in Engine}
    lying: dict[tuple[int, int], int] = {}
    for _ in range(COUNT):
        engine = random.choice(list(Engine))
        values = {}
        format = random.choice([f for f in FORMATS if f.engine is engine])
        for field in format.body:
            values[field.name] = random.randint(field.minimum, field.maximum)
        wait = signal = 0
        for other in Engine:
            if lying.get((other, engine), 0) and random.random() < 0.6:
                lying[other, engine] -= 1
                wait |= 1 << other
            full = lying.get((engine, other), 0) == TOKEN_LIMIT
            if other != engine and not full and random.random() < 0.3:
                lying[engine, other] = lying.get((engine, other), 0) + 1
                signal |= 1 << other
        # There is no engine 6 yet.
        signal |= random.getrandbits(1) << 6
        streams[engine].append(Instruction(format, values | {"wait": wait, "signal": signal}))
    return streams


class Engines:
    """Engines that take random times, and the emulator's tokens."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.tokens = Tokens()
        self.cycle = 0
        self.started: dict[Engine, list[Instruction]] = {engine: [] for engine in Engine}
        self.finished = dict.fromkeys(Engine, 0)
        self.work: dict[Engine, deque[int]] = {engine: deque() for engine in Engine}
        for engine in Engine:
            name = engine.name.lower()
            for part in ("instruction__ready", "done", "busy", "wait_bank", "wait_memory"):
                getattr(dut, f"{name}__{part}").value = 0

    def _port(self, engine: Engine, part: str) -> Any:
        return getattr(self.dut, f"{engine.name.lower()}__{part}")

    async def run(self) -> None:
        """Be all engines, a cycle at a time."""
        longest = {engine: random.choice((1, 10, 60)) for engine in Engine}
        while True:
            ready, done = {}, {}
            for engine in Engine:
                work = self.work[engine]
                ready[engine] = len(work) < DEPTH and random.random() < 0.8
                done[engine] = bool(work) and work[0] <= self.cycle
                self._port(engine, "instruction__ready").value = int(ready[engine])
                self._port(engine, "done").value = int(done[engine])
            await ReadOnly()
            for engine in Engine:
                if ready[engine] and self._port(engine, "instruction__valid").value:
                    payload = int(self._port(engine, "instruction__payload").value)
                    data = payload.to_bytes(INSTRUCTION_BYTES[engine], "little")
                    self._start(engine, decode(engine, data), longest[engine])
            # Tokens of this cycle come after: nobody may start with them yet.
            for engine in Engine:
                if done[engine]:
                    self.work[engine].popleft()
                    instruction = self.started[engine][self.finished[engine]]
                    self.finished[engine] += 1
                    assert not self.tokens.give(engine, instruction.signal, None)
            await RisingEdge(self.dut.clk)
            self.cycle += 1

    def _start(self, engine: Engine, instruction: Instruction, longest: int) -> None:
        missing = self.tokens.missing(engine, instruction.wait)
        assert not missing, f"{instruction!r} started without tokens of {missing}"
        self.tokens.take(engine, instruction.wait)
        self.started[engine].append(instruction)
        work = self.work[engine]
        last = work[-1] if work else self.cycle
        work.append(max(self.cycle, last) + random.randint(1, longest))


async def memory(dut: Any, image: bytes, latency: int) -> None:
    """Answer the fetch's runs."""
    queue: deque[tuple[int, bytes]] = deque()
    cycle = 0
    while True:
        ready = random.random() < 0.7
        dut.runs__ready.value = int(ready)
        now = bool(queue) and queue[0][0] <= cycle and random.random() < 0.9
        dut.beats__valid.value = int(now)
        if now:
            dut.beats__payload.value = int.from_bytes(queue.popleft()[1], "little")
        await ReadOnly()
        if now:
            assert dut.beats__ready.value
        if ready and dut.runs__valid.value:
            payload = int(dut.runs__payload.value)
            run = {k: payload >> at & (1 << width) - 1 for k, (at, width) in _RUN.items()}
            data = image[run["offset"] :][: run["more"] + 1]
            assert len(data) == run["more"] + 1
            for at in range(0, len(data), DATA_BYTES):
                queue.append((cycle + latency, data[at : at + DATA_BYTES]))
        await RisingEdge(dut.clk)
        cycle += 1


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def order_is_what_tokens_allow(dut: Any) -> None:
    streams = random_streams()
    image = bytearray(16 * random.randrange(8))
    for engine, instructions in streams.items():
        place = len(instructions) << 32 | len(image)
        getattr(dut, f"stream__{int(engine)}").value = place
        for instruction in instructions:
            image += encode(instruction)
    engines = Engines(dut)
    dut.runs__ready.value = 0
    dut.beats__valid.value = 0
    await start(dut)
    cocotb.start_soon(memory(dut, bytes(image), bench_parameters()["latency"]))
    cocotb.start_soon(engines.run())
    for _ in range(LIMIT):
        await RisingEdge(dut.clk)
        if sum(engines.finished.values()) == COUNT:
            break
    for _ in range(4):
        await RisingEdge(dut.clk)
    # Every engine got all of its instructions in order, and all is quiet.
    assert engines.started == streams
    assert engines.finished == {engine: len(stream) for engine, stream in streams.items()}
    assert dut.idle.value
    assert not dut.failed.value
    assert not dut.waiting.value
