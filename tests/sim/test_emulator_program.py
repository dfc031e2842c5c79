# SPDX-License-Identifier: Apache-2.0
"""Whole programs: steps, host operators, windows, and the tensors that instructions write."""

import dataclasses

import numpy as np
import pytest

from dpu_sim.emulator import ProgramRun, run_program
from dpu_spec import isa
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.presets import preset
from dpu_spec.program import HostOperator, Layer, Mark, Program, Step, Stream, Tensor

CONFIGURATION = preset("tiny")
LANES = CONFIGURATION.lanes
HEIGHT, WIDTH, CHANNELS = 6, 3, 6
SHAPE = (1, HEIGHT, WIDTH, CHANNELS)
BYTES = HEIGHT * WIDTH * CHANNELS
#: Words of a row: two blocks of three columns.
ROW = 2 * WIDTH
INPUT, QUANTIZED, FIRST, SECOND, OUTPUT = 3, 5, 8, 9, 11


def ring(prefix, start, rows, row):
    """A ring of some rows; ``row`` is the tensor's row that a view begins at."""
    return {
        f"{prefix}address": start + row % rows * ROW,
        f"{prefix}row_stride": ROW,
        f"{prefix}block_stride": WIDTH,
        f"{prefix}ring_start": start,
        f"{prefix}ring_words": rows * ROW,
    }


def clamp(source, target, minimum, row, **tokens):
    """MAXIMUM over one row."""
    one = {"rows": 1, "columns": WIDTH, "blocks": 2, "height": HEIGHT, "width": WIDTH, "y0": row}
    one |= dict.fromkeys(("kernel_h", "kernel_w", "stride_x", "repeat_y", "repeat_x"), 1)
    one |= {"minimum": minimum, "maximum": 127}
    return Instruction(
        isa.MAXIMUM, ring("", *source, row) | ring("out_", *target, row) | one | tokens
    )


def dram(format, view, row, **values):
    """A LOAD or STORE of one row."""
    return Instruction(
        format,
        ring("", *view, row)
        | {"rows": 1, "columns": WIDTH, "depth": CHANNELS, "row_bytes": WIDTH * CHANNELS}
        | {"dram_offset": 16 + row * WIDTH * CHANNELS}
        | values,
    )


def fused_program():
    """Two clamps of one row at a time, in rings of two rows: the input, first and second tensor."""
    load_bit, vector_bit, store_bit = (1 << e for e in (Engine.LOAD, Engine.VECTOR, Engine.STORE))
    a, b, c = (0, 2), (100, 2), (200, 2)
    instructions = {Engine.LOAD: [], Engine.VECTOR: [], Engine.STORE: []}
    marks = {engine: [] for engine in instructions}
    size = {"height": HEIGHT, "width": WIDTH}
    for row in range(HEIGHT):
        wait = vector_bit if row >= 2 else 0
        load = dram(isa.LOAD, a, row, wait=wait, signal=vector_bit, window=isa.WINDOW_ARENA)
        instructions[Engine.LOAD].append(load)
        marks[Engine.LOAD].append(Mark(0, QUANTIZED, row=row, **size))
        first = clamp(a, b, -20, row, wait=load_bit, signal=vector_bit)
        if row < HEIGHT - 2:
            first.signal |= load_bit
        second = clamp(b, c, 10, row, wait=vector_bit, signal=store_bit)
        if row >= 2:
            second.wait |= store_bit
        instructions[Engine.VECTOR] += [first, second]
        marks[Engine.VECTOR] += [Mark(1, FIRST, row=row, **size), Mark(2, SECOND, row=row, **size)]
        signal = vector_bit if row < HEIGHT - 2 else 0
        store = dram(isa.STORE, c, row, wait=vector_bit, signal=signal, window=isa.WINDOW_OUTPUT)
        instructions[Engine.STORE].append(store)
        marks[Engine.STORE].append(Mark(2))
    image, streams = b"", {}
    for engine, stream in instructions.items():
        streams[engine] = Stream(len(image), len(stream), tuple(marks[engine]))
        image += b"".join(isa.encode(i) for i in stream)

    def tensor(index, dtype="int8", window=-1):
        scale, zero = ((0.5,), (3,)) if dtype == "int8" else ((), ())
        return Tensor(index, f"t{index}", SHAPE, dtype, scale, zero, window=window, offset=16)

    tensors = [
        tensor(INPUT, "float32"),
        tensor(QUANTIZED, window=isa.WINDOW_ARENA),
        tensor(FIRST),
        tensor(SECOND, window=isa.WINDOW_OUTPUT),
        tensor(OUTPUT, "float32"),
    ]
    return Program(
        model="hand-made",
        configuration=CONFIGURATION,
        image=image,
        host_data=b"",
        arena_bytes=16 + BYTES,
        input_bytes=0,
        output_bytes=16 + BYTES,
        tensors={t.index: t for t in tensors},
        inputs=(INPUT,),
        outputs=(OUTPUT,),
        layers=tuple(Layer(n, f"l{n}", "CLAMP", "vector", 0, (), ()) for n in range(3)),
        steps=(
            Step(host=HostOperator(0, "QUANTIZE", (INPUT,), (QUANTIZED,), {}, {})),
            Step(streams=streams),
            Step(host=HostOperator(0, "DEQUANTIZE", (SECOND,), (OUTPUT,), {}, {})),
        ),
    )


def real_input():
    return np.random.default_rng(5).uniform(-40, 40, SHAPE).astype(np.float32)


def test_steps_host_operators_and_tensors_in_rings():
    x = real_input()
    tensors = {}
    outputs = run_program(fused_program(), {INPUT: x}, tensors=tensors)

    quantized = np.clip(np.trunc(x / 0.5 + np.copysign(0.5, x)) + 3, -128, 127).astype(np.int8)
    second = np.maximum(quantized, 10)
    expected = {
        INPUT: x,
        QUANTIZED: quantized,
        FIRST: np.maximum(quantized, -20),
        SECOND: second,
        OUTPUT: ((second.astype(np.float32) - 3) * 0.5).astype(np.float32),
    }
    assert outputs.keys() == {OUTPUT}
    assert tensors.keys() == expected.keys()
    for index, value in expected.items():
        assert tensors[index].dtype == value.dtype
        assert tensors[index].shape == value.shape
        np.testing.assert_array_equal(tensors[index], value)
    np.testing.assert_array_equal(outputs[OUTPUT], expected[OUTPUT])


def test_a_program_may_run_again():
    program = fused_program()
    first = run_program(program, {INPUT: real_input()})
    second = run_program(program, {INPUT: real_input() * 2})
    again = run_program(program, {INPUT: real_input()}, check=False)
    assert (first[OUTPUT] != second[OUTPUT]).any()
    np.testing.assert_array_equal(first[OUTPUT], again[OUTPUT])


def test_inputs_are_checked():
    program = fused_program()
    with pytest.raises(ValueError, match=r"No value was given for the inputs \[3\]"):
        run_program(program, {})
    with pytest.raises(ValueError, match=r"Tensor 3 \(t3\) is float32\[1, 6, 3, 6\], not float64"):
        run_program(program, {INPUT: real_input().astype(np.float64)})


def test_constants_of_host_operators():
    data = np.arange(BYTES, dtype=np.int8)
    program = dataclasses.replace(
        fused_program(),
        host_data=b"xyz" + data.tobytes(),
        inputs=(),
        outputs=(OUTPUT,),
        steps=(
            Step(
                host=HostOperator(0, "DEQUANTIZE", (SECOND,), (OUTPUT,), {}, {SECOND: (3, BYTES)})
            ),
        ),
    )
    outputs = run_program(program, {})
    expected = (data.astype(np.float32) - 3) * 0.5
    np.testing.assert_array_equal(outputs[OUTPUT].reshape(-1), expected)


def test_the_observer_sees_every_instruction():
    seen = []
    run = ProgramRun(fused_program(), observer=lambda e, n, i, w: seen.append((e, n, sorted(w))))
    run.put(INPUT, real_input())
    for step in run.program.steps:
        run.step(step)
    assert len(seen) == 4 * HEIGHT
    assert (Engine.LOAD, 0, ["scratchpad"]) in seen
    assert (Engine.STORE, HEIGHT - 1, ["output window"]) in seen
    assert run.statistics.instructions[Engine.VECTOR] == 2 * HEIGHT
