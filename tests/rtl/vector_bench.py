# SPDX-License-Identifier: Apache-2.0
"""cocotb tests of the vector unit, against the emulator."""

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

TABLE_BYTES = isa.TABLE_SLOTS * 2 * isa.TABLE_ENTRIES * 4


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def computes_what_the_emulator_does(dut: Any) -> None:
    c = CONFIGURATION
    source = generator()
    contents = {
        isa.TARGET_SCRATCHPAD: random.randbytes(c.scratchpad_bytes),
        isa.TARGET_TABLE: random.randbytes(TABLE_BYTES),
    }
    todo = []
    kinds = ["ADD", "MULTIPLY", "ACCUMULATE", "MAXIMUM", "TABLE"] * 4
    random.shuffle(kinds)
    for kind in kinds:
        instruction = source.instruction(kind)
        if kind == "ADD":
            instruction.mode = isa.MODE_TFLITE
        elif instruction.mode == isa.MODE_DIVIDE:
            # What a division by a constant is made of; MULTIPLY has its zero points in the bias.
            divisor = random.randint(1, 1 << random.randint(1, 15))
            right = divisor.bit_length() - 1
            instruction.multiplier = min(-(-(1 << 31 + right) // divisor), 2**31 - 1)
            instruction.shift = -right
            if kind != "MULTIPLY":
                instruction.bias = divisor // 2
        todo.append(instruction)
    expected = Emulated(c, contents)
    expected.run(todo)

    bench = EngineBench(
        dut,
        c,
        contents[isa.TARGET_SCRATCHPAD],
        engines={Engine.VECTOR: "vector"},
        reads=[f"read__{n}" for n in range(2)],
        write="write",
        **bench_parameters(),
    )
    dut.load_table__valid.value = 0
    await start(dut)
    await bench.load("load_table", contents[isa.TARGET_TABLE])
    await bench.run({Engine.VECTOR: [(instruction, {}) for instruction in todo]})
    same_words(bench.scratchpad(), expected.scratchpad(), c.lanes)
