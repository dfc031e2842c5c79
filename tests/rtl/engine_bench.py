# SPDX-License-Identifier: Apache-2.0
"""A dispatcher, a scratchpad and a load engine around one engine, and the emulator beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from dpu_sim.emulator import Machine, written_words
from dpu_spec import isa
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from tests.rtl.support import StreamDriver, start
from tests.sim.random_instructions import Generator, run_of

LATENCY = 2
LIMIT = 100_000

#: Small engines; the scratchpad is only as large as addresses can be wrong in.
CONFIGURATION = Configuration(
    lanes=4,
    columns=8,
    axi_bytes=8,
    scratchpad_words=8192,
    weight_words=512,
    accumulator_depth=128,
    partial_sum_depth=64,
    conv_parameter_words=128,
    depthwise_parameter_words=256,
    conv_requantizers=2,
    depthwise_lanes=2,
    depthwise_requantizers=1,
    vector_lanes=2,
    array_logic_multipliers=5,
    depthwise_logic_multipliers=3,
)


class Emulated:
    """What the emulator makes of instructions, one after the other."""

    def __init__(self, configuration: Configuration, contents: dict[int, bytes]) -> None:
        self.configuration = configuration
        self.machine = Machine(configuration, check=False)
        for target, data in contents.items():
            self.machine.window(isa.WINDOW_INPUT, data)
            lanes = configuration.lanes
            load = run_of(target, 0, len(data), lanes, window=isa.WINDOW_INPUT)
            self.machine.run({Engine.LOAD: [load]})

    def run(self, instructions: Sequence[Instruction]) -> None:
        """Execute instructions."""
        for instruction in instructions:
            self.machine.run({instruction.engine: [instruction]})

    def scratchpad(self) -> bytes:
        """Return the contents of the scratchpad."""
        lanes, size = self.configuration.lanes, self.configuration.scratchpad_bytes
        self.machine.window(isa.WINDOW_OUTPUT, size)
        values = run_of(0, 0, size, lanes, window=isa.WINDOW_OUTPUT).values
        store = {k: v for k, v in values.items() if k not in ("target", "check", "opcode")}
        self.machine.run({Engine.STORE: [Instruction(isa.STORE, store)]})
        return self.machine.read(isa.WINDOW_OUTPUT, 0, size)


class EngineBench:
    """Runs instructions on an engine; the names are those of the design's ports.

    ``refuse`` is the probability that a port of the scratchpad refuses in a cycle, ``pause`` that
    the next instruction isn't there yet.
    """

    def __init__(
        self,
        dut: Any,
        configuration: Configuration,
        scratchpad: bytes,
        *,
        engines: dict[Engine, str],
        reads: Sequence[str],
        write: str,
        refuse: float,
        pause: float,
    ) -> None:
        self.dut = dut
        self.lanes = configuration.lanes
        self.words = [
            int.from_bytes(scratchpad[i : i + self.lanes], "little")
            for i in range(0, len(scratchpad), self.lanes)
        ]
        self.refuse = refuse
        self.pause = pause
        self.reads = [(self._port(f"{n}__request"), getattr(dut, f"{n}__data")) for n in reads]
        self.write = self._port(f"{write}__request")
        self.engines = engines
        self.drivers = {
            engine: StreamDriver(dut, f"{name}__instruction") for engine, name in engines.items()
        }
        self.done = dict.fromkeys(engines, 0)
        #: Words that are written once so many instructions of an engine are done.
        self.due: dict[Engine, list[int]] = {}
        self.written = 0
        for _, data in self.reads:
            data.value = 0

    def _port(self, name: str) -> tuple[Any, Any, Any]:
        ends = (getattr(self.dut, f"{name}__{part}") for part in ("valid", "ready", "payload"))
        valid, ready, payload = ends
        ready.value = 0
        return valid, ready, payload

    async def load(self, port: str, data: bytes) -> None:
        """Fill a buffer through its port."""
        valid = getattr(self.dut, f"{port}__valid")
        payload = getattr(self.dut, f"{port}__payload")
        valid.value = 1
        for word in range(len(data) // self.lanes):
            value = int.from_bytes(data[word * self.lanes :][: self.lanes], "little")
            payload.value = value << 16 | word
            await RisingEdge(self.dut.clk)
        valid.value = 0

    async def _serve(self) -> None:
        """Be the scratchpad, and watch the engines, a cycle at a time."""
        flights: list[list[int | None]] = [[None] * LATENCY for _ in self.reads]
        busy = {e: getattr(self.dut, f"{n}__busy") for e, n in self.engines.items()}
        done = {e: getattr(self.dut, f"{n}__done") for e, n in self.engines.items()}
        while True:
            for (port, data), flight in zip(self.reads, flights, strict=True):
                port[1].value = int(random.random() >= self.refuse)
                word = flight.pop(0)
                data.value = random.getrandbits(8 * self.lanes) if word is None else word
            self.write[1].value = int(random.random() >= self.refuse)
            await ReadOnly()
            for (port, _), flight in zip(self.reads, flights, strict=True):
                taken = port[0].value and port[1].value
                # Segments of border pixels may read words behind the last one.
                flight.append(self.words[int(port[2].value) % len(self.words)] if taken else None)
            if self.write[0].value and self.write[1].value:
                payload = int(self.write[2].value)
                self.words[payload & 0xFFFF] = payload >> 16
                self.written += 1
            for engine, signal in done.items():
                if signal.value:
                    assert busy[engine].value
                    self.done[engine] += 1
                    if engine in self.due:
                        expected = self.due[engine][self.done[engine] - 1]
                        assert self.written >= expected, f"{engine.name} was done too soon"
            await RisingEdge(self.dut.clk)

    async def _issue(self, engine: Engine, todo: Sequence[tuple[Instruction, dict]]) -> None:
        for instruction, after in todo:
            while random.random() < self.pause or any(
                self.done[other] < count for other, count in after.items()
            ):
                await RisingEdge(self.dut.clk)
            await self.drivers[engine].send(int.from_bytes(isa.encode(instruction), "little"))

    async def run(self, todo: dict[Engine, list[tuple[Instruction, dict[Engine, int]]]]) -> None:
        """Run instructions, each once as many of other engines are done as it says."""
        for engine, stream in todo.items():
            counts = [written_words(instruction, self.lanes).size for instruction, _ in stream]
            if any(counts):
                self.due[engine] = np.cumsum(counts).tolist()
        cocotb.start_soon(self._serve())
        issuing = [cocotb.start_soon(self._issue(e, stream)) for e, stream in todo.items()]
        for task in issuing:
            await task
        for _ in range(LIMIT):
            if all(self.done[engine] == len(stream) for engine, stream in todo.items()):
                break
            await RisingEdge(self.dut.clk)
        for _ in range(4):
            await RisingEdge(self.dut.clk)
        assert self.done == {engine: len(stream) for engine, stream in todo.items()}
        assert not any(getattr(self.dut, f"{name}__busy").value for name in self.engines.values())

    def scratchpad(self) -> bytes:
        """Return the contents of the scratchpad."""
        return b"".join(word.to_bytes(self.lanes, "little") for word in self.words)


def same_words(ours: bytes, theirs: bytes, lanes: int) -> None:
    """Compare two scratchpads, and name the first word that differs."""
    if ours != theirs:
        a, b = (np.frombuffer(x, np.int8).reshape(-1, lanes) for x in (ours, theirs))
        wrong = np.flatnonzero((a != b).any(1))
        raise AssertionError(
            f"{len(wrong)} words differ, first {wrong[0]}: {a[wrong[0]]}, emulator {b[wrong[0]]}"
        )


def generator() -> Generator:
    """Return a source of random instructions, seeded with the simulation's seed."""
    return Generator(CONFIGURATION, random.Random(random.getrandbits(32)))


__all__ = [
    "CONFIGURATION",
    "Emulated",
    "EngineBench",
    "generator",
    "same_words",
    "start",
]
