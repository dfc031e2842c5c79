# SPDX-License-Identifier: Apache-2.0
"""What the lanes compute before scaling."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.multiplier import Multiplier
from dpu_hw.vector.layouts import Operation
from dpu_hw.vector.slicer import slice_layout
from dpu_hw.vector.tables import TableReadSignature

__all__ = ["Arithmetic", "sum_layout"]

#: Bits of the first factor that make the first of a product's two sums. In logic a product takes
#: an adder for each two bits, here two in a row and three.
_LOW_BITS = 3


def sum_layout(vector_lanes):
    """Return the layout of accumulated values. ``word_end``: the last of a word; ``end``: of an
    instruction.
    """
    return data.StructLayout(
        {"acc": data.ArrayLayout(signed(32), vector_lanes), "word_end": 1, "end": 1}
    )


class Arithmetic(wiring.Component):
    """Look up, multiply, and accumulate over a window.

    Three stages that move together: look up and subtract zero points; multiply and choose what is
    added; add. A product comes as two sums of partial products, to be added as well. The sums
    of a window's slices go round in a shift register, a place for each slice of a word.

    Parameters
    ----------
    lanes : :class:`int`
        Values in a word.
    vector_lanes : :class:`int`
        Values in a slice.

    Members
    -------
    i : :py:`In(stream.Signature(slice_layout(vector_lanes)))`
        Slices.
    tables : :py:`Out(TableReadSignature(lanes=vector_lanes))`
        Tables.
    o : :py:`Out(stream.Signature(sum_layout(vector_lanes)))`
        Values to scale, three cycles later, for the last tap of each window.
    """

    def __init__(self, *, lanes, vector_lanes):
        self._lanes = lanes
        self._vector_lanes = vector_lanes
        super().__init__(
            {
                "i": In(stream.Signature(slice_layout(vector_lanes))),
                "tables": Out(TableReadSignature(lanes=vector_lanes)),
                "o": Out(stream.Signature(sum_layout(vector_lanes))),
            }
        )

    @property
    def lanes(self):
        """Values in a word."""
        return self._lanes

    @property
    def vector_lanes(self):
        """Values in a slice."""
        return self._vector_lanes

    def elaborate(self, platform):
        m = Module()
        lanes = range(self._vector_lanes)
        flags = data.StructLayout(
            {"valid": 1, "operation": Operation, "first": 1, "last": 1, "word_end": 1, "end": 1}
        )
        move = Signal()
        m.d.comb += [move.eq(self.o.ready | ~self.o.valid), self.i.ready.eq(move)]

        # Stage 1: the tables' outputs, and the operands less their zero points.
        i = self.i.payload
        start = move & self.i.valid
        flags_1 = Signal(flags)
        adds = Signal(reset_less=True)  # entries of both tables
        looks_up = Signal()
        a_1 = Signal(i.a.shape(), reset_less=True)
        less_a = Signal(data.ArrayLayout(signed(9), self._vector_lanes), reset_less=True)
        less_b = Signal.like(less_a, reset_less=True)
        starts_lookup = (i.operation == Operation.ADD) | (i.operation == Operation.TABLE)
        m.d.comb += [
            self.tables.enable.eq(start & starts_lookup),
            self.tables.slot.eq(i.slot),
            self.tables.index_a.eq(i.a),
            self.tables.index_b.eq(i.b),
        ]
        with m.If(move):
            m.d.sync += flags_1.valid.eq(self.i.valid)
        with m.If(start):
            m.d.sync += [
                a_1.eq(i.a),
                adds.eq(i.operation == Operation.ADD),
                looks_up.eq(starts_lookup),
            ]
            m.d.sync += [
                flags_1[name].eq(i[name])
                for name in ("operation", "first", "last", "word_end", "end")
            ]
            with m.If(i.operation == Operation.MULTIPLY):
                m.d.sync += [less_a[lane].eq(i.a[lane] - i.zero_a) for lane in lanes]
                m.d.sync += [less_b[lane].eq(i.b[lane] - i.zero_b) for lane in lanes]

        # Stage 2: what is added, and to what.
        flags_2 = Signal(flags)
        value = Signal(data.ArrayLayout(signed(32), self._vector_lanes), reset_less=True)
        other = Signal.like(value, reset_less=True)
        with m.If(move):
            m.d.sync += flags_2.valid.eq(flags_1.valid)
        with m.If(move & flags_1.valid):
            m.d.sync += flags_2.eq(flags_1)
        for lane in lanes:
            # From logic: this product is rare, and the DSP blocks have better uses.
            low = Multiplier(a_shape=unsigned(_LOW_BITS), b_shape=signed(9), logic=True)
            high = Multiplier(a_shape=signed(9 - _LOW_BITS), b_shape=signed(9), logic=True)
            m.submodules[f"multiplier_low_{lane}"] = low
            m.submodules[f"multiplier_high_{lane}"] = high
            m.d.comb += [
                low.a.eq(less_a[lane][:_LOW_BITS]),
                low.b.eq(less_b[lane]),
                high.a.eq(less_a[lane][_LOW_BITS:].as_signed()),
                high.b.eq(less_b[lane]),
            ]
            # The tables answer late, so that all else is chosen before. Of an entry of
            # TABLE the low byte counts, with its sign: few bits, as of what is computed.
            multiplies = flags_1.operation == Operation.MULTIPLY
            computed = Mux(multiplies, low.o, a_1[lane])
            entry = self.tables.entry_a[lane]
            small = Mux(looks_up, entry[:8].as_signed(), computed)
            with m.If(move & flags_1.valid):
                m.d.sync += [
                    value[lane].eq(Mux(adds, entry, small)),
                    other[lane].eq(Mux(looks_up, self.tables.entry_b[lane], high.o << _LOW_BITS)),
                ]

        # Stage 3: sums and maxima. The oldest place belongs to this slice's channels.
        places = self._lanes // self._vector_lanes
        sums = [Signal.like(value, name=f"sums_{n}", reset_less=True) for n in range(places)]
        oldest = sums[-1]
        kind = flags_2.operation
        with m.If(move):
            m.d.sync += self.o.valid.eq(flags_2.valid & flags_2.last)
        with m.If(move & flags_2.valid):
            m.d.sync += [
                self.o.payload.word_end.eq(flags_2.word_end),
                self.o.payload.end.eq(flags_2.end),
            ]
            m.d.sync += [after.eq(before) for before, after in pairwise(sums)]
        for lane in lanes:
            addend = Signal(signed(32), name=f"addend_{lane}")
            keep = Signal(name=f"keep_{lane}")
            byte = value[lane][:8].as_signed()
            with m.If((kind == Operation.ADD) | (kind == Operation.MULTIPLY)):
                m.d.comb += addend.eq(other[lane])
            with m.Elif((kind == Operation.ACCUMULATE) & ~flags_2.first):
                m.d.comb += addend.eq(oldest[lane])
            m.d.comb += keep.eq(
                (kind == Operation.MAXIMUM) & ~flags_2.first & (oldest[lane][:8].as_signed() > byte)
            )
            with m.If(move & flags_2.valid):
                m.d.sync += sums[0][lane].eq(Mux(keep, oldest[lane], value[lane] + addend))
        m.d.comb += self.o.payload.acc.eq(sums[0])

        return m
