# SPDX-License-Identifier: Apache-2.0
"""Decoding and its distribution."""

import numpy as np
from amaranth.sim import Simulator

from dpu_hw.vector.decoder import Decoder
from dpu_hw.vector.layouts import Operation
from dpu_spec.isa import encode
from tests.hw.vector.model import make
from tests.hw.vector.stream import drain, feed


def run(instructions, rate):
    dut = Decoder()
    rng = np.random.default_rng(0)
    names = ("window", "operand", "output", "operation", "scaling")
    words = [int.from_bytes(encode(i), "little") for i in instructions]
    seen = {}

    async def feeder(ctx):
        await feed(ctx, dut.instruction, words, rng)

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(feeder)
    for name in names:

        async def drainer(ctx, name=name):
            seen[name] = await drain(ctx, getattr(dut, name), len(words), rng, rate)

        simulator.add_testbench(drainer)
    simulator.run()
    return seen


def test_each_part_gets_each_piece_once():
    names = ("ADD", "MULTIPLY", "ACCUMULATE", "MAXIMUM", "TABLE")
    instructions = [make(names[n % 5], columns=n + 1) for n in range(20)]
    seen = run(instructions, 0.4)
    for name in ("window", "operand", "output"):
        assert [p.extent.columns for _, p in seen[name]] == list(range(1, 21))
    assert [bool(p.used) for _, p in seen["operand"]] == [True, True, False, False, False] * 4
    assert all(p.used for _, p in seen["output"])
    assert [p.operation for _, p in seen["operation"]] == [Operation[n] for n in names] * 4


def test_an_instruction_every_three_cycles():
    seen = run([make("ADD") for _ in range(10)], 1.0)
    assert seen["window"][-1][0] - seen["window"][0][0] == 9 * Decoder.latency


def test_steps_in_rings():
    instructions = [
        make(
            "ADD",
            stride_y=stride,
            row_stride=17,
            ring_start=1000,
            ring_words=300,
            address=1234,
            b_address=2049,
        )
        for stride in range(16)
    ]
    for stride, (_, window) in enumerate(run(instructions, 1.0)["window"]):
        assert window.step == 17 * stride
        assert window.step_wrap == 17 * stride - 300
        assert (window.ring.offset, window.ring.start) == (234, 1000)
        assert window.ring.row_wrap == 17 - 300


def test_scales_of_results_that_need_none():
    fields = {"bias": 5, "multiplier": 7, "shift": -3, "out_zero_point": 9, "mode": 1}
    fields |= {"minimum": -5, "maximum": 5}
    maximum, table, product = (
        p
        for _, p in run([make(n, **fields) for n in ("MAXIMUM", "TABLE", "MULTIPLY")], 1.0)[
            "scaling"
        ]
    )
    for scaling in (maximum, table):
        assert (scaling.bias, scaling.multiplier, scaling.shift) == (0, 1 << 30, 1)
        assert (scaling.zero_point, scaling.mode) == (0, 0)
    assert (maximum.minimum, maximum.maximum) == (-5, 5)
    assert (table.minimum, table.maximum) == (-128, 127)
    assert (product.bias, product.multiplier, product.mode) == (0, 7, 1)
