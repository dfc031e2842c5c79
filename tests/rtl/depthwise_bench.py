# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the depthwise PE, against the emulator."""

import random
from typing import Any

import cocotb

from dpu_sim.rtl.parameters import bench_parameters
from dpu_spec import isa
from dpu_spec.instruction import Engine, Instruction
from tests.rtl.engine_bench import (
    CONFIGURATION,
    Emulated,
    EngineBench,
    generator,
    same_words,
    start,
)
from tests.sim.random_instructions import Generator

INSTRUCTIONS = 14


def depth_multiplier(source: Generator) -> Instruction:
    """Return an instruction each lane of which takes another one than its own, and shows it.

    All of its windows lie inside, its scales leave sums apart, and nothing is clamped.
    """
    found = source.instruction("DEPTHWISE")
    lanes = CONFIGURATION.lanes
    turn = random.randrange(1, lanes)
    values = {
        "lane_map": sum((k + turn) % lanes << 4 * k for k in range(lanes)),
        "first": 1,
        "last": 1,
        "parameters": 0,
        "minimum": -128,
        "maximum": 127,
        "rows": 1,
        "columns": 1,
        "blocks": 1,
        "y0": 0,
        "x0": 0,
        "height": 3,
        "width": 3,
    }
    for name, value in values.items():
        setattr(found, name, value)
    return found


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def computes_what_the_emulator_does(dut: Any) -> None:
    c = CONFIGURATION
    source = generator()
    # Nine words of weights and nine of scales, again and again.
    blocks = c.depthwise_parameter_words // 18
    weights = 9 * c.lanes
    parameters = random.randbytes(weights) + source.lively_scales()
    parameters += b"".join(
        random.randbytes(weights) + source.valid_scales(1) for _ in range(blocks - 1)
    )
    contents = {
        isa.TARGET_SCRATCHPAD: random.randbytes(c.scratchpad_bytes),
        isa.TARGET_DEPTHWISE_PARAMETERS: parameters,
    }
    todo = []
    for n in range(INSTRUCTIONS):
        instruction = source.instruction("DEPTHWISE")
        # What nobody has written yet is not defined.
        instruction.first = int(n == 0 or instruction.first)
        if not instruction.first:
            before = todo[-1]
            for name in ("rows", "columns", "blocks", "partial_sum"):
                setattr(instruction, name, getattr(before, name))
            size = instruction.columns * (instruction.rows + 1)
            instruction.out_row_stride = instruction.columns
            instruction.out_address = instruction.out_ring_start = c.scratchpad_words // 2
            instruction.out_ring_words = instruction.out_block_stride = size
            instruction.ring_words = max(instruction.ring_words, 3 * instruction.row_stride + 1)
        elif n + 1 < INSTRUCTIONS and random.random() < 0.4:
            instruction.last = 0
        last = instruction.last
        most = blocks - instruction.blocks
        instruction.parameters = 18 * random.randint(0, most) if last else random.randint(0, 100)
        todo.append(instruction)
    todo.append(depth_multiplier(source))
    expected = Emulated(c, contents)
    expected.run(todo)

    bench = EngineBench(
        dut,
        c,
        contents[isa.TARGET_SCRATCHPAD],
        engines={Engine.DEPTHWISE: "depthwise"},
        reads=[f"read__{n}" for n in range(3)],
        write="write",
        **bench_parameters(),
    )
    dut.load_parameters__valid.value = 0
    await start(dut)
    await bench.load("load_parameters", parameters)
    await bench.run({Engine.DEPTHWISE: [(instruction, {}) for instruction in todo]})
    same_words(bench.scratchpad(), expected.scratchpad(), c.lanes)
