# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the DMA, between the memory of cocotbext-axi and the emulator's buffers."""

from __future__ import annotations

import random
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ReadOnly, RisingEdge

from dpu_hw.dma.layouts import run_layout
from dpu_sim.emulator import Machine
from dpu_sim.rtl.parameters import bench_parameters
from dpu_spec import isa
from dpu_spec.configuration import from_parameters
from dpu_spec.instruction import Engine, Instruction
from tests.hw.dma.transfers import random_transfer
from tests.rtl.engine_bench import EngineBench
from tests.rtl.support import StreamDriver, StreamMonitor, axi_memory, start
from tests.sim.random_instructions import run_of

SIZE = 1 << 16
#: Loads fill the lower part of the scratchpad, stores read the upper part.
WORDS = 2048
BUFFERS = ("weights", "conv_parameters", "depthwise_parameters", "table")
COUNT = 14


class Dma:
    """The design with a memory on one side and buffers on the other."""

    def __init__(self, dut: Any) -> None:
        parameters = bench_parameters()
        self.dut = dut
        self.configuration = from_parameters(parameters["configuration"], source="bench")
        self.lanes = self.configuration.lanes
        stall = parameters["stall"]
        self.memory = axi_memory(dut, size=SIZE, stall=stall)
        self.contents = random.randbytes(SIZE)
        self.memory.write(0, self.contents)
        # Windows that end and begin within beats, a few bytes around multiples of 4 KiB.
        self.bases = [0x1000, *(at - random.randrange(40) for at in (0x4000, 0x7000, 0xA000))]
        self.sizes = [0x1400, 0x1200, 0x1200, 0x1200]
        for n, (base, size) in enumerate(zip(self.bases, self.sizes, strict=True)):
            getattr(dut, f"windows__{n}").value = size << 32 | base
        dut.stop.value = 0
        self.scratchpad = random.randbytes(self.configuration.scratchpad_bytes)
        self.bench = EngineBench(
            dut,
            self.configuration,
            self.scratchpad,
            engines={Engine.LOAD: "load", Engine.STORE: "store"},
            reads=["read"],
            write="write",
            refuse=stall,
            pause=stall / 2,
        )
        #: Everything that loads write, in order: target, address, word.
        self.written: list[tuple[int, int, int]] = []
        self.machine = Machine(self.configuration, check=False, observer=self._observe)
        self.loaded: list[tuple[Instruction, str, np.ndarray, np.ndarray]] = []
        self.machine.window(isa.WINDOW_OUTPUT, self.scratchpad)
        fill = run_of(0, 0, len(self.scratchpad), self.lanes, window=isa.WINDOW_OUTPUT)
        self.machine.run({Engine.LOAD: [fill]})
        self.loaded.clear()
        for n, (base, size) in enumerate(zip(self.bases, self.sizes, strict=True)):
            self.machine.window(n, self.contents[base : base + size])

    def _observe(self, engine: Engine, index: int, instruction: Instruction, writes: Any) -> None:
        if engine is Engine.LOAD:
            ((name, (addresses, words)),) = writes.items()
            order = np.argsort(addresses, axis=None)
            found = addresses.reshape(-1)[order], words.reshape(-1, self.lanes)[order]
            self.loaded.append((instruction, name, *found))

    async def watch(self) -> None:
        """Note what is written to any buffer."""
        dut = self.dut
        request = [getattr(dut, f"write__request__{part}") for part in ("valid", "ready")]
        ports = [(request, dut.write__request__payload)]
        for name in BUFFERS:
            ports.append(([getattr(dut, f"{name}__valid")], getattr(dut, f"{name}__payload")))
        while True:
            await ReadOnly()
            for target, (conditions, payload) in enumerate(ports):
                if all(signal.value for signal in conditions):
                    value = int(payload.value)
                    self.written.append((target, value & 0xFFFF, value >> 16))
            await RisingEdge(dut.clk)

    def check_loads(self) -> None:
        """Compare every word that was written with the emulator's, in the order of the LOADs."""
        at = 0
        for instruction, name, addresses, words in self.loaded:
            part = sorted(self.written[at : at + len(addresses)], key=lambda write: write[1])
            at += len(addresses)
            assert {isa.TARGET_NAMES[target] for target, *_ in part} == {name}, instruction
            assert [address for _, address, _ in part] == addresses.tolist(), instruction
            last = (instruction.depth - 1) // self.lanes
            tail = (instruction.depth - 1) % self.lanes + 1
            for (_, address, word), expected in zip(part, words, strict=True):
                data = word.to_bytes(self.lanes, "little")
                # A pixel leaves the lanes after its end open.
                block = self._block(instruction, address)
                valid = tail if block == last else self.lanes
                assert data[:valid] == expected.tobytes()[:valid], f"{address}: {instruction}"
        assert at == len(self.written)

    @staticmethod
    def _block(v: Instruction, address: int) -> int:
        """Return the channel block that a word of a transfer's view holds."""
        start, columns = v.ring_start, v.columns
        for block in range(v.depth):
            for row in range(v.rows):
                first = start + (v.address - start + row * v.row_stride) % v.ring_words
                if 0 <= address - first - block * v.block_stride < columns:
                    return block
        raise AssertionError("the word is none of this transfer")


def transfer(dma: Dma, window: int, first: int) -> dict[str, int]:
    """Return a random transfer of words from an address on."""
    size = dma.sizes[window]
    values = random_transfer(random, lanes=dma.lanes, words=WORDS, size=size, budget=400)
    values |= {"window": window}
    values["address"] += first
    values["ring_start"] += first
    return values


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def moves_what_the_emulator_does(dut: Any) -> None:
    dma = Dma(dut)
    c = dma.configuration
    loads, stores = [], []
    for _ in range(COUNT):
        window = random.choice((isa.WINDOW_ARENA, isa.WINDOW_INPUT))
        loads.append(Instruction(isa.LOAD, transfer(dma, window, 0)))
        target = random.randrange(1, len(isa.TARGET_NAMES))
        # Some of several bursts.
        size = random.choice((1, c.axi_bytes, 9 * c.lanes, random.randint(1, 40), 1100))
        offset = random.randrange(dma.sizes[window] - size)
        words = {"address": random.randrange(64)}
        load = run_of(target, 0, size, c.lanes, window=window, offset=offset)
        load.values.update(words)
        load.values.update({"ring_start": words["address"]})
        loads.append(load)
        stores.append(Instruction(isa.STORE, transfer(dma, isa.WINDOW_OUTPUT, WORDS)))
    size = 4 * 64 * c.axi_bytes + 13
    values = run_of(0, WORDS, size, c.lanes, window=isa.WINDOW_OUTPUT, offset=19).values
    stores.append(
        Instruction(
            isa.STORE, {k: v for k, v in values.items() if k not in ("target", "opcode", "check")}
        )
    )
    dma.machine.run({Engine.LOAD: loads, Engine.STORE: stores})

    fetcher = StreamDriver(dut, "fetch", stall=0.3)
    instructions = StreamMonitor(dut, "instructions", stall=0.0)
    await start(dut)
    cocotb.start_soon(dma.watch())
    runs, expected = [], b""
    for _ in range(20):
        offset = 16 * random.randrange(256)
        size = 16 * random.randint(1, 12)
        run = {"window": 0, "offset": offset, "more": size - 1, "last": 1, "owner": 2}
        runs.append(run_layout().const(run).as_bits())
        expected += dma.contents[dma.bases[0] + offset :][:size]
    fetching = cocotb.start_soon(fetcher.send(*runs))
    receiving = cocotb.start_soon(instructions.receive(len(expected) // c.axi_bytes))
    await dma.bench.run(
        {
            Engine.LOAD: [(load, {}) for load in loads],
            Engine.STORE: [(store, {}) for store in stores],
        }
    )
    await fetching
    beats = await receiving
    assert b"".join(beat.to_bytes(c.axi_bytes, "little") for beat in beats) == expected
    assert dut.idle.value
    assert not any(
        getattr(dut, f"{engine}_{fault}").value
        for engine in ("fetch", "load", "store")
        for fault in ("outside", "error")
    )
    dma.check_loads()
    # The output window is the emulator's, and not a byte around it has changed.
    base, size = dma.bases[isa.WINDOW_OUTPUT], dma.sizes[isa.WINDOW_OUTPUT]
    memory = bytearray(dma.contents)
    memory[base : base + size] = dma.machine.read(isa.WINDOW_OUTPUT, 0, size)
    found = dma.memory.read(0, SIZE)
    wrong = [at for at in range(SIZE) if found[at] != memory[at]]
    assert not wrong, f"{len(wrong)} bytes differ, first at {wrong[0]:x}"
