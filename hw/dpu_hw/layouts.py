# SPDX-License-Identifier: Apache-2.0
"""Amaranth layouts of the contract's instruction formats."""

from amaranth import Shape, signed, unsigned
from amaranth.lib import data

from dpu_spec.instruction import Engine, Format
from dpu_spec.isa import INSTRUCTION_BYTES

__all__ = ["instruction_bits", "instruction_layout", "word_layout"]


def instruction_bits(engine: Engine) -> Shape:
    """Return the shape of an undecoded instruction of an engine."""
    return unsigned(8 * INSTRUCTION_BYTES[engine])


def instruction_layout(format: Format) -> data.StructLayout:
    """Return the layout of a format; view the low bits of an undecoded instruction with it."""
    return data.StructLayout(
        {f.name: signed(f.bits) if f.signed else unsigned(f.bits) for f in format.fields}
    )


def word_layout(lanes: int) -> data.ArrayLayout:
    """Return the layout of a scratchpad word: one pixel of ``lanes`` channels."""
    return data.ArrayLayout(signed(8), lanes)
