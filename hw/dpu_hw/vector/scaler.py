# SPDX-License-Identifier: Apache-2.0
"""Scaling of the vector unit's values."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.requantize import Requantizer
from dpu_hw.vector.arithmetic import sum_layout
from dpu_hw.vector.layouts import SCALING

__all__ = ["Scaler", "scaled_layout"]


def scaled_layout(vector_lanes):
    """Return the layout of scaled values. ``word_end``: the last of a word."""
    return data.StructLayout({"data": data.ArrayLayout(signed(8), vector_lanes), "word_end": 1})


class Scaler(wiring.Component):
    """Give each instruction's scale to a requantizer with the instruction's values.

    Parameters
    ----------
    vector_lanes : :class:`int`
        Values scaled in a cycle.

    Members
    -------
    scaling : :py:`In(stream.Signature(SCALING))`
        The scale of the values from the next on, up to one with ``end``.
    i : :py:`In(stream.Signature(sum_layout(vector_lanes)))`
        Values.
    o : :py:`Out(stream.Signature(scaled_layout(vector_lanes)))`
        Results, in order, a requantizer's latency later.
    """

    def __init__(self, *, vector_lanes):
        self._vector_lanes = vector_lanes
        super().__init__(
            {
                "scaling": In(stream.Signature(SCALING)),
                "i": In(stream.Signature(sum_layout(vector_lanes))),
                "o": Out(stream.Signature(scaled_layout(vector_lanes))),
            }
        )

    @property
    def vector_lanes(self):
        """Values scaled in a cycle."""
        return self._vector_lanes

    def elaborate(self, platform):
        m = Module()
        m.submodules.requantizer = requantizer = Requantizer(
            lanes=self._vector_lanes, tag_shape=unsigned(1), divide=True
        )
        active = Signal()
        idle = Signal()
        scaling = Signal(SCALING, reset_less=True)
        values = requantizer.i.payload
        m.d.comb += [
            requantizer.i.valid.eq(self.i.valid & active),
            self.i.ready.eq(requantizer.i.ready & active),
            values.acc.eq(self.i.payload.acc),
            values.tag.eq(self.i.payload.word_end),
            [
                values.scale[name][lane].eq(scaling[name])
                for name in ("bias", "multiplier", "shift")
                for lane in range(self._vector_lanes)
            ],
            [
                values.output[name].eq(scaling[name])
                for name in ("zero_point", "minimum", "maximum", "mode")
            ],
            self.o.valid.eq(requantizer.o.valid),
            requantizer.o.ready.eq(self.o.ready),
            self.o.payload.data.eq(requantizer.o.payload.data),
            self.o.payload.word_end.eq(requantizer.o.payload.tag),
            # The next scale comes with the last value of the one before.
            idle.eq(~active | (self.i.valid & self.i.ready & self.i.payload.end)),
            self.scaling.ready.eq(idle),
        ]
        with m.If(idle):
            m.d.sync += active.eq(self.scaling.valid)
            with m.If(self.scaling.valid):
                m.d.sync += scaling.eq(self.scaling.payload)
        return m
