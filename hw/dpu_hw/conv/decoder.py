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

    Parameters
    ----------
    patch_reader : :class:`bool`
        Somebody runs CONV_PATCH; else only CONV comes.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_bits(Engine.CONV)))`
        Checked instructions.
    conv : :py:`Out(stream.Signature(instruction_layout(CONV)))`
        A ``CONV``.
    patch : :py:`Out(stream.Signature(instruction_layout(CONV_PATCH)))`
        A ``CONV_PATCH``. Not there without ``patch_reader``.
    """

    def __init__(self, *, patch_reader):
        self._patch_reader = patch_reader
        members = {
            "i": In(stream.Signature(instruction_bits(Engine.CONV))),
            "conv": Out(stream.Signature(instruction_layout(CONV))),
        }
        if patch_reader:
            members["patch"] = Out(stream.Signature(instruction_layout(CONV_PATCH)))
        super().__init__(members)

    @property
    def patch_reader(self):
        """Somebody runs CONV_PATCH."""
        return self._patch_reader

    def elaborate(self, platform):
        m = Module()
        bits = max(CONV.bits, CONV_PATCH.bits) if self._patch_reader else CONV.bits
        present = Signal()
        instruction = Signal(bits, reset_less=True)
        m.d.comb += Value.cast(self.conv.payload).eq(instruction)
        with m.If(self.i.ready):
            m.d.sync += present.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += instruction.eq(self.i.payload)
        if not self._patch_reader:
            m.d.comb += [
                self.conv.valid.eq(present),
                self.i.ready.eq(~present | self.conv.ready),
            ]
            return m

        is_patch = Signal()
        opcode = instruction_layout(CONV)(self.i.payload[: CONV.bits]).opcode
        m.d.comb += [
            self.conv.valid.eq(present & ~is_patch),
            self.patch.valid.eq(present & is_patch),
            Value.cast(self.patch.payload).eq(instruction),
            self.i.ready.eq(~present | Mux(is_patch, self.patch.ready, self.conv.ready)),
        ]
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += is_patch.eq(opcode == CONV_PATCH.opcode)
        return m
