# SPDX-License-Identifier: Apache-2.0
"""The program file: round trips, and files that are damaged or for something else."""

import dataclasses
import io
import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpu_spec import isa
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.presets import preset
from dpu_spec.program import (
    PROGRAM_VERSION,
    DeadChannels,
    HostOperator,
    Layer,
    Mark,
    Program,
    ProgramError,
    Step,
    Stream,
    Tensor,
    from_bytes,
    from_file,
    is_program,
    to_bytes,
)

LOADS = [Instruction(isa.LOAD, {"rows": n, "signal": 2}) for n in (1, 2, 3)]
ADDS = [Instruction(isa.ADD, {"bias": -5, "shift": -31})]


def program(**changes):
    image = b"".join(isa.encode(i) for i in [*LOADS, *ADDS]) + b"constants"
    loads = sum(isa.INSTRUCTION_BYTES[i.engine] for i in LOADS)
    marks = (Mark(0), Mark(0, 7, row=1, column=2, channel=8, height=3, width=4), Mark(1, plain=6))
    values = {
        "model": "kitten.tflite",
        "configuration": preset("tiny"),
        "image": image,
        "host_data": bytes(range(256)),
        "arena_bytes": 4096,
        "input_bytes": 12,
        "output_bytes": 3,
        "tensors": {
            7: Tensor(7, "a/b:0", (1, 2, 3), "int8", (0.1, 1e-30), (0, -128), 2, 1, 64),
            8: Tensor(
                8, "c", (1, 2, 5), "int8", (1.0,), (0,), channels=(1, 4), constants=((0, -128),)
            ),
            9: Tensor(9, "ünïcode", (), "float32", (), ()),
        },
        "inputs": (7,),
        "outputs": (9, 7),
        "layers": (Layer(0, "l", "CONV_2D", "conv", 10**9, (7, -1), (9,), -1, "note"),),
        "steps": (
            Step(
                streams={
                    Engine.LOAD: Stream(0, 3, marks),
                    Engine.VECTOR: Stream(loads, 1, (Mark(0),)),
                }
            ),
            Step(
                host=HostOperator(
                    0,
                    "SOFTMAX",
                    (7, -1),
                    (9,),
                    {"beta": 1.0, "axes": (1, (2, 3)), "name": "x", "keep": True},
                    {7: (0, 256)},
                )
            ),
        ),
        "options": {"fuse": True, "level": 2},
        "dead_channels": DeadChannels(True, 3, 14, (120, 100)),
        "model_sha256": "0123abcd" * 8,
    }
    return Program(**values | changes)


def test_shape_of_what_exists():
    tensors = program().tensors
    assert (tensors[7].held_shape, tensors[7].missing_channels) == ((1, 2, 3), 0)
    assert (tensors[8].held_shape, tensors[8].missing_channels) == ((1, 2, 2), 2)


def test_a_program_comes_back():
    before = program()
    data = to_bytes(before)
    assert is_program(data)
    assert from_bytes(data, source="x") == before
    assert to_bytes(from_bytes(data, source="x")) == data
    assert to_bytes(program()) == data


@given(
    st.binary(max_size=200),
    st.lists(st.integers(-1, 10**6), max_size=6),
    st.floats(allow_nan=False, width=32),
    st.text(max_size=10),
)
def test_any_contents_come_back(image, numbers, scale, name):
    before = program(
        image=image,
        steps=(),
        tensors={1: Tensor(1, name, tuple(numbers), "int8", (scale,), (0,))},
        inputs=tuple(numbers),
    )
    assert from_bytes(to_bytes(before), source="x") == before


def test_instructions_of_a_step():
    run, host = program().steps
    assert program().instructions(run, Engine.LOAD) == LOADS
    assert program().instructions(run, Engine.VECTOR) == ADDS
    assert program().instructions(run, Engine.CONV) == []
    assert program().instructions(host, Engine.LOAD) == []


def test_a_file(tmp_path):
    path = tmp_path / "kitten.dpu"
    path.write_bytes(to_bytes(program()))
    assert from_file(path) == program()
    with pytest.raises(ProgramError, match=r"none\.dpu: cannot be read: No such file"):
        from_file(tmp_path / "none.dpu")


def test_what_is_no_program():
    assert not is_program(b"TFL3")
    assert not is_program(b"")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("array.npy", b"numbers")
    for data in (b"", b"PK", b"TFL3" * 30, to_bytes(program())[100:], buffer.getvalue()):
        assert not is_program(data)
        with pytest.raises(ProgramError, match=r"x: is no program file, .*; name a program"):
            from_bytes(data, source="x")


def test_truncated_files():
    data = to_bytes(program())
    for size in range(0, len(data), 7):
        with pytest.raises(ProgramError, match=r"^x: .*compile the model again"):
            from_bytes(data[:size], source="x")


def read_damaged():
    """Change every byte of a file in turn; give what reading it returns or raises."""
    data = to_bytes(program())
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x55
        try:
            yield from_bytes(bytes(damaged), source="x")
        except Exception as error:
            yield error


def test_damaged_files_never_come_back_changed():
    results = list(read_damaged())
    programs = [result for result in results if isinstance(result, Program)]
    assert all(result == program() for result in programs)
    assert len(programs) < len(results) // 2


def test_damage_is_named_as_such():
    errors = {type(result) for result in read_damaged() if isinstance(result, Exception)}
    assert errors == {ProgramError}


def edited(change, name="program.json"):
    """Return a program file with one of its members changed, well packed."""
    source = zipfile.ZipFile(io.BytesIO(to_bytes(program())))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for member in source.namelist():
            content = source.read(member)
            if member == name:
                content = change(content)
            if content is not None:
                archive.writestr(member, content)
    return buffer.getvalue()


def header(**changes):
    return edited(lambda content: json.dumps(json.loads(content) | changes))


@pytest.mark.parametrize("name", ["image.bin", "host.bin"])
def test_a_missing_member(name):
    with pytest.raises(ProgramError, match="is not a whole program file"):
        from_bytes(edited(lambda _: None, name), source="x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"program_version": 0},
            f"x: its program version is 0, this one is {PROGRAM_VERSION}; compile the model",
        ),
        ({"architecture_version": 0}, "x: its architecture version is 0, this one is"),
        ({"image_sha256": "0"}, "x: its image is damaged"),
        ({"configuration": {"lanes": 5}}, "x: lanes must be 4, 8 or 16"),
        ({"configuration": {"size": 5}}, "x: unknown parameter size"),
        ({"tensors": [[1]]}, "x: its header is damaged"),
        ({"layers": 3}, "x: its header is damaged"),
        ({"steps": [[None, None]]}, "x: its header is damaged"),
        ({"steps": [[{"9": [0, 0, []]}, None]]}, "x: its header is damaged"),
    ],
)
def test_a_header_that_means_nothing(changes, message):
    with pytest.raises(ProgramError, match=message):
        from_bytes(header(**changes), source="x")


def test_a_header_without_a_part():
    def without(content):
        values = json.loads(content)
        del values["inputs"]
        return json.dumps(values)

    with pytest.raises(ProgramError, match="x: its header is damaged"):
        from_bytes(edited(without), source="x")


def test_a_header_that_is_no_json():
    with pytest.raises(ProgramError, match="x: is not a whole program file"):
        from_bytes(edited(lambda _: "{"), source="x")


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_a_header_of_another_kind(text):
    with pytest.raises(ProgramError, match="x: "):
        from_bytes(edited(lambda _: text), source="x")


def test_the_image_of_another_program():
    with pytest.raises(ProgramError, match="x: its image is damaged"):
        from_bytes(edited(lambda content: content + b"\0", "image.bin"), source="x")


def test_every_parameter_is_in_the_file():
    changed = dataclasses.replace(Configuration(), vector_lanes=8)
    read = from_bytes(to_bytes(program(configuration=changed)), source="x")
    assert read.configuration == changed
