# SPDX-License-Identifier: Apache-2.0
"""Which programs run without a host, and what becomes of the operators at their ends."""

import dataclasses
import struct
from pathlib import Path

import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.firmware_blob import FirmwareError, firmware_blob
from dpu_spec import blob as layout
from dpu_spec.presets import preset
from dpu_spec.program import HostOperator, Program, Step

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"


@pytest.fixture(scope="module")
def program() -> Program:
    return compile_graph(read_model(MODEL), preset("tiny"))


def ends(program: Program) -> list[dict[str, int]]:
    """Return the fields of each input and output of a program's blob."""
    data = firmware_blob(program)
    header = {
        name: word
        for (name, _), (word,) in zip(layout.HEADER, struct.iter_unpack("<I", data), strict=False)
    }
    count = header["input_count"] + header["output_count"]
    names = [name for name, _ in layout.TENSOR]
    size = 4 * len(names)
    found = []
    for index in range(count):
        words = struct.unpack_from(f"<{len(names)}I", data, header["tensor_offset"] + size * index)
        found.append(dict(zip(names, words, strict=True)))
    return found


def host(program: Program) -> HostOperator:
    operator = program.steps[-1].host
    assert operator is not None
    return operator


def ending(program: Program, *operators: HostOperator) -> Program:
    """Replace the SOFTMAX at the end."""
    steps = [program.steps[0], *(Step(host=operator) for operator in operators)]
    return dataclasses.replace(program, steps=tuple(steps))


def test_softmax_is_left_out(program: Program) -> None:
    source, output = ends(program)
    logits = program.tensors[host(program).inputs[0]]
    assert (output["window"], output["offset"]) == (logits.window, logits.offset)
    assert (output["bytes"], output["kind"]) == (10, layout.Kind.INT8)
    assert (output["ordinal"], output["table_offset"]) == (1, 0)
    assert (source["bytes"], source["ordinal"], source["table_offset"]) == (784, 0, 0)


def test_dequantize_is_left_out(program: Program) -> None:
    operator = dataclasses.replace(host(program), operator="DEQUANTIZE")
    output = ends(ending(program, operator))[1]
    assert (output["kind"], output["ordinal"]) == (layout.Kind.INT8, 1)


def test_tables_before_and_behind_a_softmax(program: Program) -> None:
    # logits -> QUANTIZE to uint8 -> SOFTMAX -> QUANTIZE to uint8
    softmax = host(program)
    logits, scores = softmax.inputs[0], softmax.outputs[0]
    first, last = max(program.tensors) + 1, max(program.tensors) + 2
    tensors = dict(program.tensors)
    for index, like in ((first, logits), (last, scores)):
        tensors[index] = dataclasses.replace(
            tensors[like], index=index, dtype="uint8", zero_point=(3,), window=-1
        )
    quantize = dataclasses.replace(softmax, operator="QUANTIZE")
    changed = ending(
        dataclasses.replace(program, tensors=tensors, outputs=(last,)),
        dataclasses.replace(quantize, inputs=(logits,), outputs=(first,)),
        dataclasses.replace(softmax, inputs=(first,)),
        dataclasses.replace(quantize, inputs=(scores,), outputs=(last,)),
    )
    output = ends(changed)[1]
    assert (output["kind"], output["ordinal"]) == (layout.Kind.UINT8, 1)
    assert output["table_offset"] != 0


def test_softmax_of_several_rows(program: Program) -> None:
    tensors = dict(program.tensors)
    for index in (*host(program).inputs, *host(program).outputs):
        tensors[index] = dataclasses.replace(tensors[index], shape=(2, 5))
    with pytest.raises(FirmwareError, match=r"SOFTMAX of one row"):
        firmware_blob(dataclasses.replace(program, tensors=tensors))


def test_dequantize_with_a_scale_for_each_channel(program: Program) -> None:
    operator = dataclasses.replace(host(program), operator="DEQUANTIZE")
    tensors = dict(program.tensors)
    logits = operator.inputs[0]
    tensors[logits] = dataclasses.replace(tensors[logits], scale=(0.1,) * 10)
    with pytest.raises(FirmwareError, match="runs on the host"):
        firmware_blob(ending(dataclasses.replace(program, tensors=tensors), operator))


def test_an_operator_between_runs(program: Program) -> None:
    steps = (*program.steps, program.steps[0])
    with pytest.raises(FirmwareError, match="SOFTMAX"):
        firmware_blob(dataclasses.replace(program, steps=steps))


def test_an_operator_that_no_output_needs(program: Program) -> None:
    logits = host(program).inputs[0]
    with pytest.raises(FirmwareError, match="SOFTMAX"):
        firmware_blob(dataclasses.replace(program, outputs=(logits,)))


def test_ends_that_are_not_in_dram(program: Program) -> None:
    for index, end in ((program.inputs[0], "input"), (host(program).inputs[0], "output")):
        tensors = dict(program.tensors)
        tensors[index] = dataclasses.replace(tensors[index], window=-1)
        with pytest.raises(FirmwareError, match=f"its {end} .* never lies in DRAM"):
            firmware_blob(dataclasses.replace(program, tensors=tensors))
