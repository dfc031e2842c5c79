# SPDX-License-Identifier: Apache-2.0
"""Words of both operands, cut into slices as wide as the lanes."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.choose import choose
from dpu_hw.vector.fetch import fetched_layout
from dpu_hw.vector.layouts import OPERATION, Operation
from dpu_hw.vector.window_walker import TAP
from dpu_spec.isa import TABLE_SLOTS

__all__ = ["Slicer", "slice_layout"]


def slice_layout(vector_lanes):
    """Return the layout of a slice: what each lane gets of both operands, and what to do.

    ``first`` and ``last``: of a window. ``word_end``: the last slice of a word.
    """
    values = data.ArrayLayout(signed(8), vector_lanes)
    return data.StructLayout(
        {
            "a": values,
            "b": values,
            "operation": Operation,
            "slot": 1,
            "zero_a": signed(8),
            "zero_b": signed(8),
            "first": 1,
            "last": 1,
            "word_end": 1,
            "end": 1,
        }
    )


class Slicer(wiring.Component):
    """Join the operands and hand them to the lanes slice by slice, one a cycle.

    Parameters
    ----------
    lanes : :class:`int`
        Values in a word.
    vector_lanes : :class:`int`
        Values in a slice.

    Members
    -------
    operation : :py:`In(stream.Signature(OPERATION))`
        What to do with the words from the next on, up to one with ``end``. Waits for its tables.
    pending : :py:`In(2)`
        A bit for each slot of tables that is not complete yet.
    a : :py:`In(stream.Signature(fetched_layout(lanes, TAP)))`
        Words of operand a.
    b : :py:`In(stream.Signature(fetched_layout(lanes, 1)))`
        Words of operand b, if the operation has one, for each last tap of a window.
    o : :py:`Out(stream.Signature(slice_layout(vector_lanes)))`
        Slices, one cycle later.
    wait_table : :py:`Out(1)`
        An operation waits for its tables.
    """

    def __init__(self, *, lanes, vector_lanes):
        self._lanes = lanes
        self._vector_lanes = vector_lanes
        super().__init__(
            {
                "operation": In(stream.Signature(OPERATION)),
                "pending": In(TABLE_SLOTS),
                "a": In(stream.Signature(fetched_layout(lanes, TAP))),
                "b": In(stream.Signature(fetched_layout(lanes, 1))),
                "o": Out(stream.Signature(slice_layout(vector_lanes))),
                "wait_table": Out(1),
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
        slices = self._lanes // self._vector_lanes
        operation = Signal(OPERATION, reset_less=True)
        active = Signal()
        # One bit at least: Verilog has no vectors of none.
        index = Signal(range(max(2, slices)))
        last_slice = Signal()
        take = Signal()
        tap = self.a.payload.tag
        kind = operation.operation
        has_b = Signal()

        m.d.comb += [
            last_slice.eq(index == slices - 1),
            take.eq(
                active & self.a.valid & (self.b.valid | ~has_b) & (self.o.ready | ~self.o.valid)
            ),
            self.a.ready.eq(take & last_slice),
            self.b.ready.eq(take & last_slice & tap.last & has_b),
        ]

        word = data.ArrayLayout(data.ArrayLayout(signed(8), self._vector_lanes), slices)
        a, b = (
            data.View(
                word.elem_shape,
                choose(m, index, list(data.View(word, payload.word.as_value())), platform),
            )
            for payload in (self.a.payload, self.b.payload)
        )
        o = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(o)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(take):
            m.d.sync += [
                self.o.valid.eq(1),
                index.eq(Mux(last_slice, 0, index + 1)),
                [
                    o.a[lane].eq(Mux(self.a.payload.inside, a[lane], operation.border))
                    for lane in range(self._vector_lanes)
                ],
                o.first.eq(tap.first),
                o.last.eq(tap.last),
                o.word_end.eq(last_slice),
                o.end.eq(tap.end & last_slice),
                o.operation.eq(kind),
                o.slot.eq(operation.slot),
                o.zero_a.eq(operation.zero_a),
                o.zero_b.eq(operation.zero_b),
            ]
            with m.If(has_b):
                m.d.sync += o.b.eq(b)

        # The next operation comes with the last slice of the one before.
        new = self.operation.payload
        looks_up = (new.operation == Operation.ADD) | (new.operation == Operation.TABLE)
        complete = Signal()
        idle = Signal()
        m.d.comb += [
            complete.eq(~looks_up | ~self.pending.bit_select(new.slot, 1)),
            idle.eq(~active | (take & last_slice & tap.end)),
            self.operation.ready.eq(idle & complete),
            self.wait_table.eq(self.operation.valid & ~active & ~complete),
        ]
        with m.If(idle):
            m.d.sync += active.eq(self.operation.valid & complete)
            with m.If(self.operation.valid & complete):
                m.d.sync += [
                    operation.eq(new),
                    has_b.eq(
                        (new.operation == Operation.ADD) | (new.operation == Operation.MULTIPLY)
                    ),
                ]

        return m
