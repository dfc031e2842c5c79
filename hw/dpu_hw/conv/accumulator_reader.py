# SPDX-License-Identifier: Apache-2.0
"""Fetches the accumulators of a DRAIN."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.accumulators import Accumulators, word_address_layout
from dpu_hw.conv.output_walker import DRAIN_STEP, DRAIN_TAG
from dpu_hw.queue import Queue
from dpu_hw.requantize import output_layout

__all__ = ["AccumulatorReader", "drained_layout"]


def drained_layout(lanes):
    """Return the layout of a word of accumulators with what goes with it."""
    return data.StructLayout(
        {
            "acc": data.ArrayLayout(signed(32), lanes),
            "block_end": 1,
            "output": output_layout(),
            "tag": DRAIN_TAG,
        }
    )


class AccumulatorReader(wiring.Component):
    """Read accumulators ahead into a small queue, as their memory cannot wait.

    Parameters
    ----------
    lanes : :class:`int`
        Accumulators of a word.
    columns : :class:`int`
        Columns of the array.
    accumulator_depth : :class:`int`
        Pixels in the accumulators.
    depth : :class:`int`
        Words in the queue, those on their way included.

    Members
    -------
    i : :py:`In(stream.Signature(DRAIN_STEP))`
        Words wanted.
    request : :py:`Out(stream.Signature(word_address_layout(columns // lanes, accumulator_depth)))`
        To the accumulators.
    word : :py:`In(data.ArrayLayout(signed(32), lanes))`
        From them.
    o : :py:`Out(stream.Signature(drained_layout(lanes)))`
        Words, in order.
    """

    def __init__(self, *, lanes, columns, accumulator_depth, depth=8):
        self._lanes = lanes
        self._columns = columns
        self._accumulator_depth = accumulator_depth
        self._depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(DRAIN_STEP)),
                "request": Out(
                    stream.Signature(word_address_layout(columns // lanes, accumulator_depth))
                ),
                "word": In(data.ArrayLayout(signed(32), lanes)),
                "o": Out(stream.Signature(drained_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Accumulators of a word."""
        return self._lanes

    @property
    def columns(self):
        """Columns of the array."""
        return self._columns

    @property
    def accumulator_depth(self):
        """Pixels in the accumulators."""
        return self._accumulator_depth

    @property
    def depth(self):
        """Words in the queue."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        m.submodules.words = words = Queue(shape=drained_layout(self._lanes), depth=self._depth)
        wiring.connect(m, words.o, wiring.flipped(self.o))

        room = Signal(range(self._depth + 1), init=self._depth)
        has_room = Signal(init=1)
        go = Signal()
        leaves = Signal()
        m.d.comb += [
            self.request.valid.eq(self.i.valid & has_room),
            self.request.p.address.eq(self.i.p.accumulator),
            self.request.p.block.eq(self.i.p.block),
            self.i.ready.eq(self.request.ready & has_room),
            go.eq(self.request.valid & self.request.ready),
            leaves.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += [
            room.eq(room - go + leaves),
            has_room.eq(leaves | (room > 1) | (has_room & ~go)),
        ]

        came, step = go, self.i.payload
        for n in range(Accumulators.read_latency):
            next_came = Signal(name=f"came_{n}")
            next_step = Signal(DRAIN_STEP, name=f"step_{n}", reset_less=True)
            m.d.sync += next_came.eq(came)
            with m.If(came):
                m.d.sync += next_step.eq(step)
            came, step = next_came, next_step
        m.d.comb += [
            words.i.valid.eq(came),
            words.i.p.acc.eq(self.word),
            words.i.p.block_end.eq(step.block_end),
            words.i.p.output.eq(step.output),
            words.i.p.tag.eq(step.tag),
        ]
        return m
