# SPDX-License-Identifier: Apache-2.0
"""Encoding and decoding instructions."""

import functools
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpu_spec import isa
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import (
    CHECK,
    ENGINE_SLOTS,
    Engine,
    Field,
    Instruction,
    InstructionError,
)

CHOSEN = st.sampled_from(isa.FORMATS)


@st.composite
def instructions(draw):
    format = draw(CHOSEN)
    values = {}
    for field in format.fields:
        if field.name not in ("opcode", "check"):
            low, high = field.minimum, field.maximum
            edges = st.sampled_from((low, high, 0, min(1, high)))
            values[field.name] = draw(st.one_of(edges, st.integers(low, high)))
    return Instruction(format, values)


@given(instructions())
def test_decoding_gives_what_was_encoded(instruction):
    data = isa.encode(instruction)
    assert len(data) == isa.INSTRUCTION_BYTES[instruction.engine]
    decoded = isa.decode(instruction.engine, data)
    assert decoded == instruction
    assert decoded.format is instruction.format
    assert repr(decoded) == repr(instruction)


@given(instructions())
def test_fields_lie_where_the_format_says(instruction):
    word = int.from_bytes(isa.encode(instruction), "little")
    for field in instruction.format.body:
        raw = word >> instruction.format.offset(field.name) & ((1 << field.bits) - 1)
        assert raw == instruction.values[field.name] % (1 << field.bits)
    assert word >> instruction.format.bits == 0
    assert word & 0xFF == instruction.format.opcode


@given(instructions())
def test_all_bytes_of_an_instruction_xor_to_the_check_value(instruction):
    assert functools.reduce(operator.xor, isa.encode(instruction)) == CHECK == 0xA5


@given(instructions(), st.data())
def test_one_wrong_bit_is_found(instruction, data):
    encoded = bytearray(isa.encode(instruction))
    bit = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InstructionError, match="the check byte does not match"):
        isa.decode(instruction.engine, bytes(encoded))


def fixed(data: bytes) -> bytes:
    """Give bytes the right check byte."""
    changed = bytearray(data)
    changed[1] ^= functools.reduce(operator.xor, changed) ^ CHECK
    return bytes(changed)


@pytest.mark.parametrize("engine", Engine)
def test_an_unknown_opcode_is_refused(engine):
    data = fixed(b"\xee" + bytes(isa.INSTRUCTION_BYTES[engine] - 1))
    with pytest.raises(InstructionError, match=f"{engine.name}: opcode 0xEE is not one of"):
        isa.decode(engine, data)


def test_another_engines_opcode_is_refused():
    data = isa.encode(Instruction(isa.STORE, {}))
    with pytest.raises(InstructionError, match="LOAD: opcode 0x41 is not one of this engine's"):
        isa.decode(Engine.LOAD, data)


def test_a_wrong_size_is_refused():
    data = isa.encode(Instruction(isa.LOAD, {}))
    with pytest.raises(InstructionError, match="LOAD: an instruction has 32 bytes, not 31"):
        isa.decode(Engine.LOAD, data[:-1])


@pytest.mark.parametrize("format", isa.FORMATS, ids=lambda format: format.name)
def test_bits_beyond_the_fields_are_refused(format):
    size = isa.INSTRUCTION_BYTES[format.engine]
    if format.bits == 8 * size:
        pytest.skip("no bits are left")
    data = isa.encode(Instruction(format, {}))
    word = int.from_bytes(data, "little") | 1 << (8 * size - 1)
    with pytest.raises(InstructionError, match=f"bits beyond the fields of {format.name} are set"):
        isa.decode(format.engine, fixed(word.to_bytes(size, "little")))


@pytest.mark.parametrize("format", isa.FORMATS, ids=lambda format: format.name)
def test_values_out_of_range_are_refused(format):
    for field in format.body:
        for value in (field.minimum - 1, field.maximum + 1):
            text = f"{format.name}: {field.name} must be from {field.minimum} to {field.maximum}, "
            with pytest.raises(InstructionError, match=f"{text}not {value}"):
                isa.encode(Instruction(format, {field.name: value}))


def test_ranges_of_fields():
    assert (Field("a", 4, "").minimum, Field("a", 4, "").maximum) == (0, 15)
    signed = Field("a", 4, "", signed=True)
    assert (signed.minimum, signed.maximum) == (-8, 7)


def test_fields_are_attributes():
    instruction = Instruction(isa.LOAD, {"rows": 3})
    instruction.columns = 4
    assert (instruction.rows, instruction.columns, instruction.depth) == (3, 4, 0)
    assert instruction.opcode == isa.LOAD.opcode
    assert instruction == Instruction(isa.LOAD, {"rows": 3, "columns": 4})
    assert instruction != Instruction(isa.LOAD, {"rows": 3})
    assert instruction != "LOAD"


@pytest.mark.parametrize(
    "act",
    [
        lambda i: i.blocks,
        lambda i: setattr(i, "blocks", 1),
    ],
)
def test_other_attributes_are_refused(act):
    with pytest.raises(AttributeError, match="LOAD has no field blocks"):
        act(Instruction(isa.LOAD, {}))


def test_unknown_fields_are_refused():
    with pytest.raises(InstructionError, match="LOAD has no field blocks, lanes"):
        Instruction(isa.LOAD, {"lanes": 1, "blocks": 1})


def test_the_check_byte_plays_no_part_in_equality():
    instruction = Instruction(isa.STORE, {"rows": 1})
    assert isa.decode(Engine.STORE, isa.encode(instruction)) == instruction


# The formats themselves.


def test_opcodes_and_names_are_unique():
    assert len(isa.BY_OPCODE) == len(isa.BY_NAME) == len(isa.FORMATS)
    assert all(0 < format.opcode < 256 for format in isa.FORMATS)


def test_formats_of_a_configuration():
    assert isa.formats_of(Configuration()) == isa.FORMATS
    lacking = set(isa.FORMATS) - set(isa.formats_of(Configuration(patch_reader=0)))
    assert lacking == {isa.CONV_PATCH}


@pytest.mark.parametrize("format", isa.FORMATS, ids=lambda format: format.name)
def test_formats(format):
    names = [field.name for field in format.fields]
    assert len(set(names)) == len(names)
    assert names[:4] == ["opcode", "check", "wait", "signal"]
    assert format.bits <= 8 * isa.INSTRUCTION_BYTES[format.engine]
    assert all(field.doc for field in format.fields)
    assert format.doc.endswith(".")
    with pytest.raises(KeyError):
        format.offset("nothing")


def test_sizes_of_instructions_suit_the_widest_bus():
    assert all(size % 16 == 0 for size in isa.INSTRUCTION_BYTES.values())
    assert set(isa.INSTRUCTION_BYTES) == set(Engine)
    for engine, size in isa.INSTRUCTION_BYTES.items():
        longest = max(format.bits for format in isa.FORMATS if format.engine is engine)
        assert 8 * (size - 16) < longest <= 8 * size


def test_every_engine_has_a_place_in_the_masks():
    bits = {field.name: field.bits for field in isa.LOAD.fields}
    assert bits["wait"] == bits["signal"] == ENGINE_SLOTS
    assert max(Engine) < ENGINE_SLOTS
