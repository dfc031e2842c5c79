# SPDX-License-Identifier: Apache-2.0
"""The vector unit as a whole against the pseudo-code."""

import subprocess

import numpy as np
import pytest
from amaranth.back import verilog

from dpu_hw.requantize import Requantizer
from dpu_hw.vector import VectorUnit
from dpu_sim.rtl.toolchain import find_toolchain
from dpu_spec.isa import MODE_DIVIDE, MODE_TFLITE
from tests.hw.vector.bench import CASES, Bench, configuration
from tests.hw.vector.model import Model, make

#: Cycles from an instruction to its first write, but for the slices of a word and the requantizer:
#: three to decode, three to the request, three for the word, four to compute, one to the port.
LATENCY = 14
KINDS = ("ADD", "MULTIPLY", "ACCUMULATE", "MAXIMUM", "TABLE")


def random_scratchpad(rng, lanes):
    return rng.integers(-128, 128, (65536, lanes)).astype(np.int8)


def random_tables(rng):
    tables = rng.integers(-(2**31), 2**31, (2, 2, 256))
    # Half of them of a size that real tables have.
    return np.where(rng.random(tables.shape) < 0.5, tables, tables >> 10)


def random_instruction(rng, name, budget):
    """Any instruction that keeps the rules, of at most about ``budget`` taps."""

    def some(*values):
        return int(rng.choice(values))

    def up_to(limit):
        return int(rng.integers(1, max(2, limit + 1)))

    fields = {}
    kernel = (1, 1)
    if name in ("ACCUMULATE", "MAXIMUM"):
        kernel = (up_to(some(1, 3, 5)), up_to(some(1, 2, 5)))
    taps = kernel[0] * kernel[1]
    fields["kernel_h"], fields["kernel_w"] = kernel
    fields["blocks"] = up_to(some(1, 3))
    left = max(1, budget // taps // fields["blocks"])
    fields["columns"] = min(up_to(some(1, 2, 9)), left)
    fields["rows"] = min(up_to(some(1, 2, 9)), max(1, left // fields["columns"]))
    for axis, extent, start in (("y", "height", kernel[0]), ("x", "width", kernel[1])):
        fields[f"stride_{axis}"] = some(1, 1, 2, 3, 15)
        fields[f"repeat_{axis}"] = some(1, 1, 2, 3)
        fields[f"{axis}0"] = int(rng.integers(-start - 1, 3))
        fields[extent] = up_to(some(1, 4, 12))
    for p in ("", "b_", "out_"):
        row_stride = int(rng.integers(1, 40))
        steps = max(1, fields["stride_y"] if p == "" else 1)
        words = row_stride * steps + int(rng.integers(0, 60))
        start = int(rng.integers(0, 65535 - words))
        fields[f"{p}ring_start"] = start
        fields[f"{p}ring_words"] = words
        fields[f"{p}address"] = start + int(rng.integers(0, words))
        fields[f"{p}row_stride"] = row_stride
        fields[f"{p}block_stride"] = int(rng.integers(0, 65536)) if rng.random() < 0.8 else 0
    if rng.random() < 0.3:
        fields["b_row_stride"] = 0
    fields["b_column_stride"] = some(0, 1, 1)
    fields["border"] = int(rng.integers(-128, 128))
    fields["slot"] = some(0, 1)
    low, high = sorted(int(v) for v in rng.integers(-128, 128, 2))
    fields["minimum"], fields["maximum"] = (low, high) if rng.random() < 0.5 else (-128, 127)
    fields["out_zero_point"] = int(rng.integers(-128, 128))
    if name in ("ACCUMULATE", "MULTIPLY") and rng.random() < 0.5:
        n = taps if name == "ACCUMULATE" else up_to(300)
        right = n.bit_length() - 1
        fields["mode"] = MODE_DIVIDE
        fields["bias"] = n // 2
        fields["multiplier"] = min(-(-(1 << (31 + right)) // n), (1 << 31) - 1)
        fields["shift"] = -right
    else:
        fields["mode"] = MODE_TFLITE
        fields["bias"] = int(rng.integers(-(2**31), 2**31)) >> some(0, 16, 24)
        fields["multiplier"] = int(rng.integers(2**30, 2**31)) >> some(0, 0, 3, 30)
        # Mostly so that results are not all clamped.
        typical = -22 if name == "ADD" else -6
        fields["shift"] = some(typical, typical + 3, int(rng.integers(-31, 2)))
    return make(name, **fields)


def check(log, model):
    assert len(log.writes) == len(model.writes)
    for n, (seen, expected) in enumerate(zip(log.writes, model.writes, strict=True)):
        assert seen == expected, f"write {n}"


@pytest.mark.parametrize(("lanes", "vector_lanes"), CASES)
def test_random_instructions(lanes, vector_lanes):
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    scratchpad = random_scratchpad(rng, lanes)
    model = Model(scratchpad, random_tables(rng))
    bench = Bench(lanes, vector_lanes, scratchpad)
    slices = lanes // vector_lanes
    instructions = [
        random_instruction(rng, str(rng.choice(KINDS)), int(rng.choice([1, 10, 90])) // slices)
        for _ in range(40)
    ]
    for instruction in instructions:
        model.run(instruction)
    log = bench.run(
        instructions,
        loads=bench.table_writes(model.tables),
        refuse=rng.choice([0, 0.2, 0.7], 3),
        gap=rng.choice([0, 0.5]),
        rng=rng,
    )
    check(log, model)
    assert len(log.done) == len(instructions)


@pytest.mark.parametrize(("kernel_h", "kernel_w"), [(25, 5), (1, 64), (7, 7)])
def test_large_windows(kernel_h, kernel_w):
    rng = np.random.default_rng(kernel_h)
    scratchpad = random_scratchpad(rng, 4)
    model = Model(scratchpad)
    n = kernel_h * kernel_w
    right = n.bit_length() - 1
    instructions = [
        make(
            name, kernel_h=kernel_h, kernel_w=kernel_w, height=kernel_h, width=kernel_w, columns=2,
            row_stride=kernel_w, ring_words=n, mode=MODE_DIVIDE, bias=n // 2, shift=-right,
            multiplier=min(-(-(1 << (31 + right)) // n), (1 << 31) - 1), border=-128,
        )
        for name in ("ACCUMULATE", "MAXIMUM")
    ]  # fmt: skip
    for instruction in instructions:
        model.run(instruction)
    check(Bench(4, 4, scratchpad).run(instructions), model)


def test_global_mean_of_largest_values():
    """31 x 31 values of -128 in TFLite mode, with a bias that cancels them."""
    scratchpad = np.full((65536, 4), -128, np.int8)
    model = Model(scratchpad)
    instruction = make(
        "ACCUMULATE", kernel_h=31, kernel_w=31, height=31, width=31, row_stride=31,
        ring_words=31 * 31, bias=31 * 31 * 128, multiplier=(1 << 31) - 1, shift=1, out_zero_point=5,
    )  # fmt: skip
    model.run(instruction)
    check(Bench(4, 4, scratchpad).run([instruction]), model)


@pytest.mark.parametrize(("lanes", "vector_lanes"), CASES)
def test_result_is_read_by_the_next_instruction(lanes, vector_lanes):
    rng = np.random.default_rng(lanes)
    scratchpad = random_scratchpad(rng, lanes)
    bench = Bench(lanes, vector_lanes, scratchpad.copy(), commit=True)
    view = {"rows": 2, "columns": 5, "height": 2, "width": 5, "row_stride": 5, "out_row_stride": 5}
    copies = [
        make("MAXIMUM", **view),
        make("MAXIMUM", **view, address=4096, ring_start=4096, out_address=4116),
        make("MAXIMUM", **view, address=4116, ring_start=4096, out_address=4136),
    ]
    bench.run(copies, in_turn=True)
    for at in (4096, 4116, 4136):
        assert (bench.scratchpad[at : at + 10] == scratchpad[:10]).all()


def test_in_place():
    rng = np.random.default_rng(7)
    scratchpad = random_scratchpad(rng, 4)
    bench = Bench(4, 4, scratchpad.copy(), commit=True)
    fields = {"out_address": 0, "out_ring_start": 0, "columns": 64, "width": 64, "minimum": 0}
    bench.run([make("MAXIMUM", **fields)], refuse=(0.3, 0, 0.5), rng=rng)
    assert (bench.scratchpad[:64] == np.maximum(scratchpad[:64], 0)).all()
    assert (bench.scratchpad[64:] == scratchpad[64:]).all()


@pytest.mark.parametrize(("lanes", "vector_lanes"), CASES)
def test_throughput(lanes, vector_lanes):
    """Words come lanes / vector_lanes cycles apart, without gaps in and between instructions."""
    scratchpad = np.zeros((65536, lanes), np.int8)
    bench = Bench(lanes, vector_lanes, scratchpad)
    view = {"columns": 7, "row_stride": 7, "out_row_stride": 7, "b_row_stride": 7, "width": 7}
    view |= {"block_stride": 40, "out_block_stride": 40, "b_block_stride": 40}
    instructions = [
        make("ADD", rows=5, height=5, blocks=2, **view),
        make("MAXIMUM", rows=5, height=5, blocks=2, **view),
        make("MULTIPLY", rows=5, height=5, blocks=2, **view),
        make("MAXIMUM", rows=6, height=5, y0=-1, kernel_h=3, kernel_w=3, **view),
        make("TABLE", rows=5, height=5, blocks=2, **view),
    ]
    log = bench.run(instructions)
    slices = lanes // vector_lanes
    assert log.accepted[0] == 2
    assert log.read_cycles[0][0] == 6
    assert log.write_cycles[0] == LATENCY + slices + Requantizer.latency
    total = (70 * 4 + 42 * 9) * slices
    first = log.write_cycles[0]
    # The first word of the window's instruction comes with its ninth tap.
    assert log.write_cycles[-1] - first == total - slices
    expected = [first + n * slices for n in range(210)]
    expected += [expected[-1] + n * 9 * slices for n in range(1, 43)]
    expected += [expected[-1] + n * slices for n in range(1, 71)]
    assert log.write_cycles == expected
    assert log.done[-1] == log.write_cycles[-1] + 1


def test_window_outside_makes_no_request():
    scratchpad = np.zeros((65536, 4), np.int8)
    bench = Bench(4, 4, scratchpad)
    fields = {
        "rows": 3,
        "columns": 3,
        "kernel_h": 3,
        "kernel_w": 3,
        "height": 3,
        "width": 3,
        "row_stride": 3,
    }
    log = bench.run([make("MAXIMUM", x0=-1, y0=-1, border=-3, **fields)])
    assert len(log.read_cycles[0]) == 49
    assert [data for _, data in log.writes] == [[0] * 4] * 9


@pytest.mark.parametrize(("lanes", "vector_lanes"), [(8, 4), (16, 4)])
def test_instruction_waits_for_its_tables(lanes, vector_lanes):
    """The load engine is done before the entries have reached the lanes."""
    rng = np.random.default_rng(3)
    scratchpad = random_scratchpad(rng, lanes)
    model = Model(scratchpad, random_tables(rng))
    bench = Bench(lanes, vector_lanes, scratchpad)
    instructions = [
        make("TABLE", columns=60, width=60, slot=0),
        make("TABLE", columns=60, width=60, slot=1),
    ]
    for instruction in instructions:
        model.run(instruction)
    log = bench.run(instructions, loads=bench.table_writes(model.tables))
    check(log, model)
    assert log.wait_memory > 0


@pytest.mark.rtl
@pytest.mark.parametrize(("lanes", "vector_lanes"), [(4, 1), (8, 8)])
def test_verilog_passes_lint(lanes, vector_lanes, tmp_path):
    dut = VectorUnit(configuration=configuration(lanes, vector_lanes))
    text = verilog.convert(dut, name="vector", emit_src=False)
    assert "table_a_0 [511:0]" in text
    path = tmp_path / "vector.v"
    path.write_text(text)
    tools = find_toolchain()
    # Widths follow Amaranth's rules, not Verilog's, and Yosys leaves out cases that change nothing.
    allowed = [f"-Wno-{name}" for name in ("WIDTHEXPAND", "WIDTHTRUNC", "CASEINCOMPLETE")]
    command = [tools.verilator, "--lint-only", *allowed, "--top-module", "vector", path]
    lint = subprocess.run(command, capture_output=True, text=True, env=tools.environment())
    assert lint.returncode == 0, lint.stderr
