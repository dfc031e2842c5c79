# SPDX-License-Identifier: Apache-2.0
"""Checking instructions before they run."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.control.layouts import INDEX_BITS, chunk_layout
from dpu_hw.layouts import instruction_bits
from dpu_spec.instruction import Engine
from dpu_spec.isa import FORMATS

__all__ = ["Decode"]


class Decode(wiring.Component):
    """Collect the beats of one engine's instructions and check each.

    Parameters
    ----------
    engine : :class:`dpu_spec.instruction.Engine`
        The engine.
    data_bytes : :class:`int`
        Bytes of a beat.
    formats : :class:`tuple` of :class:`dpu_spec.instruction.Format`
        What there is; other opcodes are unknown.

    Members
    -------
    valid : :py:`In(1)`
        There is a ``chunk``, maybe for this engine.
    chunk : :py:`In(chunk_layout(data_bytes=data_bytes))`
        A beat of an instruction.
    intact : :py:`In(1)`
        The beats of the instruction that ended in the cycle before have the right check byte.
    o : :py:`Out(stream.Signature(instruction_bits(engine)))`
        Instructions in order, each two cycles after its last beat.
    empty : :py:`Out(1)`
        There is no instruction, nor part of one.
    index : :py:`Out(INDEX_BITS)`
        Index of the instruction that is here or comes next.
    check_failed, opcode_failed : :py:`Out(1)`
        What was wrong; stays set, and nothing follows.
    """

    def __init__(self, *, engine, data_bytes, formats=FORMATS):
        self._engine = Engine(engine)
        self._data_bytes = data_bytes
        self._formats = formats
        super().__init__(
            {
                "valid": In(1),
                "chunk": In(chunk_layout(data_bytes=data_bytes)),
                "intact": In(1),
                "o": Out(stream.Signature(instruction_bits(self._engine))),
                "empty": Out(1),
                "index": Out(INDEX_BITS),
                "check_failed": Out(1),
                "opcode_failed": Out(1),
            }
        )

    @property
    def engine(self):
        """The engine."""
        return self._engine

    @property
    def data_bytes(self):
        """Bytes of a beat."""
        return self._data_bytes

    @property
    def formats(self):
        """What there is."""
        return self._formats

    def elaborate(self, platform):
        m = Module()
        chunk = self.chunk
        width = 8 * self._data_bytes
        mine = Signal()
        m.d.comb += mine.eq(self.valid & (chunk.engine == self._engine))

        # Beats come in order: the last one in pushes the others to their places.
        held = Signal(len(self.o.payload), reset_less=True)
        m.d.comb += self.o.payload.eq(held)
        complete = Signal()
        partial = Signal()
        with m.If(mine):
            m.d.sync += [
                held.eq(Cat(held[width:], chunk.data)),
                complete.eq(chunk.last),
                partial.eq(1),
            ]

        opcode = held[:8]
        known = Signal()
        for format in self._formats:
            if format.engine is self._engine:
                with m.If(opcode == format.opcode):
                    m.d.comb += known.eq(1)
        with m.If(complete):
            m.d.sync += complete.eq(0)
            with m.If(~self.intact):
                m.d.sync += self.check_failed.eq(1)
            with m.Elif(~known):
                m.d.sync += self.opcode_failed.eq(1)
            with m.Else():
                m.d.sync += self.o.valid.eq(1)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [self.o.valid.eq(0), partial.eq(0), self.index.eq(self.index + 1)]
        m.d.comb += self.empty.eq(~partial)
        return m
