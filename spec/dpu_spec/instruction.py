# SPDX-License-Identifier: Apache-2.0
"""How instructions are made of fields: formats, encoding with range checks, decoding.

Which formats there are is data in :mod:`dpu_spec.isa`; encoder, decoder, emulator, gateware layouts
and documentation all derive from it.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

#: All bytes of an instruction, its check byte included, XOR to this value.
CHECK = 0xA5


class Engine(enum.IntEnum):
    """Agents that run instructions, each from its own in-order stream. 6 and 7 are spare."""

    LOAD = 0
    CONV = 1
    DRAIN = 2
    DEPTHWISE = 3
    VECTOR = 4
    STORE = 5


#: Engine ids that token masks have room for.
ENGINE_SLOTS = 8
#: Tokens that one counter holds; a signal to a full counter waits until one is taken.
TOKEN_LIMIT = 63


class InstructionError(ValueError):
    """An instruction cannot be encoded or decoded."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One field: ``bits`` wide, two's complement where ``signed``."""

    name: str
    bits: int
    doc: str
    signed: bool = False

    @property
    def minimum(self) -> int:
        """Smallest value that fits."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest value that fits."""
        return (1 << (self.bits - self.signed)) - 1


#: Every instruction begins with these.
HEADER = (
    Field("opcode", 8, "What to do."),
    Field("check", 8, f"Makes the XOR of all bytes of the instruction 0x{CHECK:02X}."),
    Field("wait", 8, "One bit an engine: take a token that it signalled before starting."),
    Field("signal", 8, "One bit an engine: give it a token once all writes are committed."),
)


@dataclasses.dataclass(frozen=True)
class Format:
    """One instruction: its opcode, the engine that runs it, its fields and what it does."""

    name: str
    opcode: int
    engine: Engine
    body: tuple[Field, ...]
    doc: str
    pseudocode: str

    @property
    def fields(self) -> tuple[Field, ...]:
        """Header and body, first field at bit 0."""
        return HEADER + self.body

    @property
    def bits(self) -> int:
        """Bits that the fields fill; the rest of the instruction is zero."""
        return sum(field.bits for field in self.fields)

    def offset(self, name: str) -> int:
        """Return the position of a field's lowest bit."""
        position = 0
        for field in self.fields:
            if field.name == name:
                return position
            position += field.bits
        raise KeyError(name)


class Instruction:
    """One instruction with a value for every field of its format; fields read as attributes."""

    __slots__ = ("format", "values")

    format: Format
    values: dict[str, int]

    def __init__(self, format: Format, values: Mapping[str, int]) -> None:
        names = {field.name for field in format.fields}
        unknown = set(values) - names
        if unknown:
            raise InstructionError(f"{format.name} has no field {', '.join(sorted(unknown))}.")
        object.__setattr__(self, "format", format)
        full = dict.fromkeys((field.name for field in format.fields), 0)
        full.update(values)
        full["opcode"] = format.opcode
        object.__setattr__(self, "values", full)

    def __getattr__(self, name: str) -> int:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"{self.format.name} has no field {name}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.values:
            raise AttributeError(f"{self.format.name} has no field {name}")
        self.values[name] = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instruction):
            return NotImplemented
        mine = {k: v for k, v in self.values.items() if k != "check"}
        theirs = {k: v for k, v in other.values.items() if k != "check"}
        return self.format is other.format and mine == theirs

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = " ".join(f"{k}={v}" for k, v in self.values.items() if k not in ("opcode", "check"))
        return f"{self.format.name} {shown}"

    @property
    def engine(self) -> Engine:
        """The engine that runs it."""
        return self.format.engine

    def encode(self, size: int) -> bytes:
        """Encode to ``size`` bytes; raise :exc:`InstructionError` for a value out of range."""
        word = 0
        position = 0
        for field in self.format.fields:
            value = 0 if field.name == "check" else self.values[field.name]
            if not field.minimum <= value <= field.maximum:
                raise InstructionError(
                    f"{self.format.name}: {field.name} must be from {field.minimum} to "
                    f"{field.maximum}, not {value}."
                )
            word |= (value & ((1 << field.bits) - 1)) << position
            position += field.bits
        data = bytearray(word.to_bytes(size, "little"))
        check = CHECK
        for byte in data:
            check ^= byte
        data[1] = check
        return bytes(data)
