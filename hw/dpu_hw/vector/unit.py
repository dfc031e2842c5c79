# SPDX-License-Identifier: Apache-2.0
"""The vector unit."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.ports import (
    BufferWriteSignature,
    EngineSignature,
    ReadPortSignature,
    WritePortSignature,
)
from dpu_hw.vector.arithmetic import Arithmetic
from dpu_hw.vector.decoder import Decoder
from dpu_hw.vector.fetch import Fetch
from dpu_hw.vector.pixel_walker import PixelWalker
from dpu_hw.vector.scaler import Scaler
from dpu_hw.vector.slicer import Slicer
from dpu_hw.vector.tables import Tables
from dpu_hw.vector.window_walker import TAP, WindowWalker
from dpu_hw.vector.writer import ADDRESSES, Writer
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine

__all__ = ["VectorUnit"]

#: Instructions in the unit: one in the decoder, one whose output addresses are being made, those
#: whose last address waits (to be queued, or for its word), and one whose done pulse is on its way.
_IN_FLIGHT = 4 + ADDRESSES


class VectorUnit(wiring.Component):
    """Run ADD, MULTIPLY, ACCUMULATE, MAXIMUM and TABLE.

    A word takes ``lanes / vector_lanes`` cycles for each tap of its window, without gaps between
    pixels, rows, blocks and instructions. Reads of an instruction run ahead of the writes of the
    one before; where that matters, tokens must order them. An instruction of less than about 20
    cycles doesn't fill the pipeline; one of a single word takes 7 to 8. Addresses must lie in their
    rings, and ``row_stride`` and ``stride_y * row_stride`` must be at most ``ring_words``.

    Parameters
    ----------
    configuration : :class:`Configuration`
        Sizes.

    Members
    -------
    vector : :py:`In(EngineSignature(Engine.VECTOR))`
        From the dispatcher. ``wait_memory`` tells that tables are not complete yet.
    read : :py:`Out(ReadPortSignature(lanes=configuration.lanes)).array(2)`
        Read ports of operands a and b.
    write : :py:`Out(WritePortSignature(lanes=configuration.lanes))`
        Write port.
    load_table : :py:`In(BufferWriteSignature(lanes=configuration.lanes))`
        The load engine's way into the tables.
    """

    def __init__(self, *, configuration):
        if not isinstance(configuration, Configuration):
            raise TypeError(f"Configuration must be a Configuration, not {configuration!r}")
        self._configuration = configuration
        lanes = configuration.lanes
        super().__init__(
            {
                "vector": In(EngineSignature(Engine.VECTOR)),
                "read": Out(ReadPortSignature(lanes=lanes)).array(2),
                "write": Out(WritePortSignature(lanes=lanes)),
                "load_table": In(BufferWriteSignature(lanes=lanes)),
            }
        )

    @property
    def configuration(self):
        """Sizes."""
        return self._configuration

    def elaborate(self, platform):
        m = Module()
        lanes = self._configuration.lanes
        vector_lanes = self._configuration.vector_lanes
        slices = {"lanes": lanes, "vector_lanes": vector_lanes}

        m.submodules.decoder = decoder = Decoder()
        m.submodules.walk_a = walk_a = WindowWalker()
        m.submodules.walk_b = walk_b = PixelWalker()
        m.submodules.walk_out = walk_out = PixelWalker()
        m.submodules.fetch_a = fetch_a = Fetch(lanes=lanes, tag_shape=TAP)
        m.submodules.fetch_b = fetch_b = Fetch(lanes=lanes, tag_shape=1)
        m.submodules.tables = tables = Tables(**slices)
        m.submodules.slicer = slicer = Slicer(**slices)
        m.submodules.arithmetic = arithmetic = Arithmetic(**slices)
        m.submodules.scaler = scaler = Scaler(vector_lanes=vector_lanes)
        m.submodules.writer = writer = Writer(**slices)

        connect(m, flipped(self.vector.instruction), decoder.instruction)
        connect(m, decoder.window, walk_a.i)
        connect(m, decoder.operand, walk_b.i)
        connect(m, decoder.output, walk_out.i)
        connect(m, decoder.operation, slicer.operation)
        connect(m, decoder.scaling, scaler.scaling)

        connect(m, walk_a.o, fetch_a.i)
        connect(m, fetch_a.read, flipped(self.read[0]))
        connect(m, fetch_a.o, slicer.a)
        m.d.comb += [
            fetch_b.i.valid.eq(walk_b.o.valid),
            fetch_b.i.payload.address.eq(walk_b.o.payload.address),
            fetch_b.i.payload.inside.eq(1),
            fetch_b.i.payload.tag.eq(walk_b.o.payload.last),
            walk_b.o.ready.eq(fetch_b.i.ready),
        ]
        connect(m, fetch_b.read, flipped(self.read[1]))
        connect(m, fetch_b.o, slicer.b)

        connect(m, flipped(self.load_table), tables.load)
        m.d.comb += slicer.pending.eq(tables.pending)
        connect(m, slicer.o, arithmetic.i)
        connect(m, arithmetic.tables, tables.read)
        connect(m, arithmetic.o, scaler.i)
        connect(m, scaler.o, writer.i)
        connect(m, walk_out.o, writer.addresses)
        connect(m, writer.write, flipped(self.write))

        in_flight = Signal(range(_IN_FLIGHT + 1))
        ports = (self.read[0], self.read[1], self.write)
        m.d.sync += in_flight.eq(
            in_flight
            + (self.vector.instruction.valid & self.vector.instruction.ready)
            - writer.done
        )
        m.d.comb += [
            self.vector.done.eq(writer.done),
            self.vector.busy.eq(in_flight != 0),
            self.vector.wait_bank.eq(Cat(p.request.valid & ~p.request.ready for p in ports).any()),
            self.vector.wait_memory.eq(slicer.wait_table),
        ]
        return m
