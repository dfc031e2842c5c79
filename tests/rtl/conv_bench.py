# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the conv engine: array, accumulators, patches and drain, against the emulator."""

import random
from typing import Any

import cocotb

from dpu_sim.rtl.parameters import bench_parameters
from dpu_spec import isa
from dpu_spec.instruction import Engine
from tests.rtl.engine_bench import (
    CONFIGURATION,
    Emulated,
    EngineBench,
    generator,
    same_words,
    start,
)

TILES = 8


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def computes_what_the_emulator_does(dut: Any) -> None:
    c = CONFIGURATION
    source = generator()
    blocks = c.conv_parameter_words // 9
    contents = {
        isa.TARGET_SCRATCHPAD: random.randbytes(c.scratchpad_bytes),
        isa.TARGET_WEIGHTS: random.randbytes(c.weight_bytes),
        isa.TARGET_CONV_PARAMETERS: source.valid_scales(blocks),
    }
    convolutions, drains, order = [], [], []
    half = c.accumulator_bank
    for n in range(TILES):
        # Two banks of accumulators in turn: a tile is drained while the next one is computed.
        while True:
            conv = source.instruction(random.choice(("CONV", "CONV_PATCH")))
            pixels = conv.rows * conv.columns
            if pixels <= half and pixels * conv.values.get("blocks", 1) < 100:
                break
        conv.clear = int(n < 2 or random.random() < 0.7)
        conv.accumulator = n % 2 * half + random.randint(0, half - pixels)
        drain = source.instruction("DRAIN")
        while drain.rows * drain.columns > pixels:
            drain = source.instruction("DRAIN")
        drain.accumulator = conv.accumulator
        drain.parameters = 9 * random.randint(0, blocks - drain.blocks)
        # A tile needs its bank, and so the drain of the tile before the last; outputs may overlap.
        convolutions.append((conv, {Engine.DRAIN: max(0, n - 1)}))
        drains.append((drain, {Engine.CONV: n + 1}))
        order += [conv, drain]
    expected = Emulated(c, contents)
    expected.run(order)

    bench = EngineBench(
        dut,
        c,
        contents[isa.TARGET_SCRATCHPAD],
        engines={Engine.CONV: "conv", Engine.DRAIN: "drain"},
        reads=[f"read__{n}" for n in range(3)],
        write="write",
        **bench_parameters(),
    )
    for port in ("load_weights", "load_parameters"):
        getattr(dut, f"{port}__valid").value = 0
    await start(dut)
    await bench.load("load_weights", contents[isa.TARGET_WEIGHTS])
    await bench.load("load_parameters", contents[isa.TARGET_CONV_PARAMETERS])
    await bench.run({Engine.CONV: convolutions, Engine.DRAIN: drains})
    same_words(bench.scratchpad(), expected.scratchpad(), c.lanes)
