# SPDX-License-Identifier: Apache-2.0
"""Holds the instruction of the conv engine that is next or in its passes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.layouts import instruction_bits, instruction_layout
from dpu_spec.instruction import Engine
from dpu_spec.isa import CONV, CONV_PATCH

__all__ = ["Decoder"]


class Decoder(wiring.Component):
    """A register for one instruction, shown to the part that runs its format.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_bits(Engine.CONV)))`
        Checked instructions.
    conv : :py:`Out(stream.Signature(instruction_layout(CONV)))`
        A ``CONV``.
    patch : :py:`Out(stream.Signature(instruction_layout(CONV_PATCH)))`
        A ``CONV_PATCH``.
    """

    i: In(stream.Signature(instruction_bits(Engine.CONV)))
    conv: Out(stream.Signature(instruction_layout(CONV)))
    patch: Out(stream.Signature(instruction_layout(CONV_PATCH)))

    def elaborate(self, platform):
        m = Module()
        bits = max(CONV.bits, CONV_PATCH.bits)
        present = Signal()
        is_patch = Signal()
        instruction = Signal(bits, reset_less=True)
        opcode = instruction_layout(CONV)(self.i.payload[: CONV.bits]).opcode
        m.d.comb += [
            self.conv.valid.eq(present & ~is_patch),
            self.patch.valid.eq(present & is_patch),
            Value.cast(self.conv.payload).eq(instruction),
            Value.cast(self.patch.payload).eq(instruction),
            self.i.ready.eq(~present | Mux(is_patch, self.patch.ready, self.conv.ready)),
        ]
        with m.If(self.i.ready):
            m.d.sync += present.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [
                    instruction.eq(self.i.payload),
                    is_patch.eq(opcode == CONV_PATCH.opcode),
                ]
        return m
