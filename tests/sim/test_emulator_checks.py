# SPDX-License-Identifier: Apache-2.0
"""What the emulator refuses: broken rules, addresses that don't exist, unwritten words."""

import dataclasses
import re

import numpy as np
import pytest

from dpu_sim.emulator import FieldError, Machine, RangeError, UnwrittenError
from dpu_spec import isa
from dpu_spec.instruction import Engine
from tests.sim.random_instructions import run_of
from tests.sim.small_machine import (
    CONFIGURATION,
    LANES,
    conv,
    conv_patch,
    depthwise,
    drain,
    empty_machine,
    fill,
    full_machine,
    load,
    store,
    vector,
)


@pytest.fixture
def empty():
    return empty_machine()


@pytest.fixture
def full():
    return full_machine()


def run(machine, instruction):
    return machine.run({instruction.engine: [instruction]})


@pytest.mark.parametrize(
    "instruction",
    [load(), store(), conv(), conv_patch(), drain(), depthwise(), depthwise(first=0, last=0)]
    + [vector(name) for name in ("ADD", "MULTIPLY", "ACCUMULATE", "MAXIMUM", "TABLE")],
    ids=repr,
)
def test_the_plain_instructions_of_these_tests_are_right(full, instruction):
    run(full, instruction)


def test_a_patch_without_a_patch_reader():
    machine = Machine(dataclasses.replace(CONFIGURATION, patch_reader=0))
    with pytest.raises(FieldError, match=r"CONV instruction 0: is none that the configuration has"):
        run(machine, conv_patch())


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        (load(rows=0), "rows is 0."),
        (load(columns=0), "columns is 0."),
        (load(depth=0), "depth is 0."),
        (load(row_bytes=5), "row_bytes is 5, not columns x depth = 4."),
        (load(target=5), "target 5 is not defined."),
        (load(ring_words=0), "ring_words is 0."),
        (load(address=64), "address 64 lies outside its ring, words 0 to 63."),
        (load(address=3, ring_start=4), "address 3 lies outside its ring, words 4 to 67."),
        (load(rows=2, row_stride=64), "row_stride 64 times a step of 1 rows is not less than"),
        (load(columns=2, rows=2, row_bytes=8, row_stride=1), "some words of scratchpad more than"),
        (store(window=isa.WINDOW_PROGRAM), "the program window is for reading only."),
        (store(rows=2, dram_row_stride=3), "some bytes of output window more than once."),
        (conv(blocks=0), "blocks is 0."),
        (conv(kernel_h=0), "kernel_h is 0."),
        (conv(kernel_w=0), "kernel_w is 0."),
        (conv(rows=2, stride_y=8), "row_stride 8 times a step of 8 rows is not less than"),
        (conv(kernel_h=2, dilation_y=8), "row_stride 8 times a step of 8 rows"),
        (conv_patch(rows=2, stride_y=8), "row_stride 8 times a step of 8 rows"),
        (conv_patch(dy_0=8), "row_stride 8 times a step of 8 rows"),
        (drain(blocks=2), "blocks is 2, the array has 1."),
        (drain(mode=isa.MODE_DIVIDE), "mode must be 0: only the vector unit divides."),
        (drain(minimum=1, maximum=0), "minimum is greater than maximum."),
        (depthwise(mode=isa.MODE_DIVIDE), "mode must be 0: only the vector unit divides."),
        (depthwise(dilation_y=8), "row_stride 8 times a step of 8 rows"),
        (depthwise(lane_map=0x3214), "lane_map names a lane beyond the 4 of a word."),
        (depthwise(rows=2, out_row_stride=64), "out_row_stride 64 times a step of 1 rows"),
        (depthwise(out_address=4095), "out_address 4095 lies outside its ring"),
        (vector("ADD", kernel_h=2), "the window must be 1x1."),
        (vector("MULTIPLY", kernel_w=2), "the window must be 1x1."),
        (vector("TABLE", kernel_w=2), "the window must be 1x1."),
        (vector("ADD", rows=2, b_row_stride=64), "b_row_stride 64 times a step of 1 rows"),
        (vector("ADD", b_ring_words=0), "b_ring_words is 0."),
        (vector(repeat_y=0), "repeat_y is 0."),
        (vector(repeat_x=0), "repeat_x is 0."),
        (vector("ACCUMULATE", mode=2), "mode 2 is not defined."),
        (vector("ACCUMULATE", shift=2), "a shift is not from -31 to 1."),
    ],
)
def test_broken_rules(full, instruction, text):
    with pytest.raises(FieldError, match=re.escape(text)) as caught:
        run(full, instruction)
    assert caught.value.engine is instruction.engine
    assert caught.value.index == 0
    assert repr(instruction) in str(caught.value)


@pytest.mark.parametrize(
    ("word", "data", "text"),
    [
        (8, [2, 0, 0, 0], "a shift is not from -31 to 1."),
        (8, [0, 0, 0, -32], "a shift is not from -31 to 1."),
        (4, [0, 0, 0, -128], "a multiplier has more than 31 bits."),
    ],
)
def test_broken_scales(full, word, data, text):
    full.write(isa.WINDOW_INPUT, 0, np.array(data, np.int8).tobytes())
    run(full, run_of(isa.TARGET_CONV_PARAMETERS, word, LANES, LANES, window=isa.WINDOW_INPUT))
    with pytest.raises(FieldError, match=re.escape(text)):
        run(full, drain())


WORDS = CONFIGURATION.scratchpad_words
TOP = {"address": WORDS - 1, "ring_start": WORDS - 1, "ring_words": 1}
OUT_TOP = {f"out_{name}": value for name, value in TOP.items()}
B_TOP = {f"b_{name}": value for name, value in TOP.items()}


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        (load(**TOP, depth=8, row_bytes=8, block_stride=1), "words 8191 to 8192 of scratchpad"),
        (
            load(**TOP, target=isa.TARGET_WEIGHTS),
            "writes words 8191 to 8191 of weights, which has 1024 words.",
        ),
        (load(**TOP, target=isa.TARGET_CONV_PARAMETERS), "of conv_parameters, which has 256"),
        (load(**TOP, target=isa.TARGET_DEPTHWISE_PARAMETERS), "of depthwise_parameters, which"),
        (load(**TOP, target=isa.TARGET_TABLE), "of table, which has 1024 words."),
        (
            load(dram_offset=253),
            "reads bytes 253 to 256 of input window, which has 256 bytes.",
        ),
        (load(rows=2, dram_row_stride=253), "reads bytes 0 to 256 of input window"),
        (store(dram_offset=253), "writes bytes 253 to 256 of output window"),
        (store(**TOP, columns=2, row_bytes=8), "reads words 8191 to 8192 of scratchpad"),
        (conv(**TOP, x0=1), "reads words 8192 to 8192 of scratchpad"),
        (conv(weights=1021), "reads words 1021 to 1024 of weights"),
        (conv(accumulator=128), "words 128 to 128 of accumulators, which has 128 words."),
        (conv(accumulator=127, columns=2), "words 127 to 128 of accumulators"),
        (conv_patch(**TOP, offset_0=1), "reads words 8192 to 8192 of scratchpad"),
        (drain(**TOP, columns=2), "writes words 8191 to 8192 of scratchpad"),
        (drain(accumulator=128), "reads words 128 to 128 of accumulators"),
        (drain(parameters=248), "reads words 248 to 256 of conv_parameters"),
        (depthwise(**TOP, x0=1, dilation_x=1), "reads words 8192 to 8194 of scratchpad"),
        (depthwise(**OUT_TOP, columns=2), "writes words 8191 to 8192 of scratchpad"),
        (depthwise(parameters=239), "reads words 239 to 256 of depthwise_parameters"),
        (
            depthwise(last=0, partial_sum=64),
            "writes words 64 to 64 of partial_sums, which has 64 words.",
        ),
        (depthwise(first=0, last=0, partial_sum=64), "reads words 64 to 64 of partial_sums"),
        (vector(**TOP, x0=1), "reads words 8192 to 8192 of scratchpad"),
        (
            vector("ADD", **B_TOP, b_column_stride=1, columns=2),
            "reads words 8191 to 8192 of scratchpad",
        ),
        (vector(**OUT_TOP, columns=2), "writes words 8191 to 8192 of scratchpad"),
    ],
)
def test_addresses_out_of_range(full, instruction, text):
    with pytest.raises(RangeError, match=re.escape(text)) as caught:
        run(full, instruction)
    assert caught.value.instruction is instruction


def test_a_window_that_is_not_open():
    with pytest.raises(FieldError, match="the input window is not open"):
        run(Machine(CONFIGURATION), load())


def test_an_instruction_in_the_wrong_stream(full):
    with pytest.raises(FieldError, match="is not one of this engine's"):
        full.run({Engine.CONV: [load()]})


@pytest.mark.parametrize(
    ("filled", "instruction", "text"),
    [
        ((1,), conv(address=5), "word 5 of scratchpad"),
        ((0,), conv(weights=3), "word 3 of weights"),
        ((0, 1), conv(clear=0, accumulator=9), "word 9 of accumulators"),
        ((1,), conv_patch(), "word 0 of scratchpad"),
        ((0, 1), conv_patch(clear=0), "word 0 of accumulators"),
        ((2,), drain(accumulator=4), "word 4 of accumulators"),
        ((3,), depthwise(y0=-1, dilation_y=1), "word 8 of scratchpad"),
        ((0,), depthwise(parameters=18), "word 18 of depthwise_parameters"),
        ((0, 3), depthwise(first=0, partial_sum=5), "word 5 of partial_sums"),
        ((), vector(), "word 0 of scratchpad"),
        ((0,), vector("TABLE", slot=1), "word 512 of table"),
        ((0,), vector("ADD"), "word 0 of table"),
        ((), store(), "word 0 of scratchpad"),
        ((0,), load(window=isa.WINDOW_ARENA, dram_offset=7), "byte 7 of arena window"),
    ],
)
def test_words_that_nobody_has_written(empty, filled, instruction, text):
    fill(empty, *filled)
    with pytest.raises(UnwrittenError, match=f"{text}, which nobody has written"):
        run(empty, instruction)


def test_parameters_of_a_drain_must_be_written(empty):
    fill(empty, isa.TARGET_SCRATCHPAD, isa.TARGET_WEIGHTS)
    run(empty, conv())
    with pytest.raises(UnwrittenError, match="word 0 of conv_parameters"):
        run(empty, drain())


def test_a_border_reads_nothing(empty):
    fill(empty, isa.TARGET_WEIGHTS)
    run(empty, conv(y0=-1, zero_point=5))


def test_the_host_may_write_what_is_read(empty):
    empty.write(isa.WINDOW_ARENA, 7, b"abcd")
    run(empty, load(window=isa.WINDOW_ARENA, dram_offset=7))


def test_unchecked_runs_only_keep_to_the_range(empty):
    machine = Machine(CONFIGURATION, check=False)
    machine.window(isa.WINDOW_OUTPUT, 256)
    run(machine, store())
    with pytest.raises(RangeError):
        run(machine, store(dram_offset=253))


def test_statistics(full):
    total = (
        run(full, load(columns=3, row_bytes=12))
        + run(full, store(columns=2, row_bytes=8))
        + run(full, conv(columns=4, kernel_w=2, stride_x=1))
        + run(full, depthwise(columns=2, blocks=2, out_block_stride=8))
    )
    assert total.instructions == dict.fromkeys((0, 1, 3, 5), 1)
    assert (total.read_bytes, total.written_bytes) == (12, 8)
    assert total.array_macs == 4 * 2 * 16
    assert total.depthwise_macs == 2 * 2 * 4 * 9
    assert total.instruction_bytes == sum(
        isa.INSTRUCTION_BYTES[Engine(e)] for e in total.instructions
    )
