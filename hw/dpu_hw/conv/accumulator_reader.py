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
    """Read accumulators ahead, as their memory cannot wait.

    Parameters
    ----------
    lanes : :class:`int`
        Accumulators of a word.
    columns : :class:`int`
        Columns of the array.
    accumulator_depth : :class:`int`
        Pixels in the accumulators.
    slow : :class:`bool`
        Words are taken every fourth cycle at most, and announced. Then one is ready, and another
        stays where the accumulators show it. Else they go through a small queue.

    Members
    -------
    i : :py:`In(stream.Signature(DRAIN_STEP))`
        Words wanted.
    request : :py:`Out(stream.Signature(word_address_layout(columns // lanes, accumulator_depth)))`
        To the accumulators.
    word : :py:`In(data.ArrayLayout(signed(32), lanes))`
        From them.
    leaves : :py:`In(1)`
        The word that is ready is taken two cycles later. Ignored unless :attr:`slow`.
    o : :py:`Out(stream.Signature(drained_layout(lanes)))`
        Words, in order.
    """

    #: Words in the queue, those on their way included.
    depth = 8

    def __init__(self, *, lanes, columns, accumulator_depth, slow=False):
        self._lanes = lanes
        self._columns = columns
        self._accumulator_depth = accumulator_depth
        self._slow = bool(slow)
        super().__init__(
            {
                "i": In(stream.Signature(DRAIN_STEP)),
                "request": Out(
                    stream.Signature(word_address_layout(columns // lanes, accumulator_depth))
                ),
                "word": In(data.ArrayLayout(signed(32), lanes)),
                "leaves": In(1),
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
    def slow(self):
        """Whether words are taken slowly."""
        return self._slow

    def elaborate(self, platform):
        m = Module()
        # With `slow` the room of a word that leaves is given away as early as another, asked for in
        # the next cycle, doesn't come before the last one has gone on.
        depth = 2 if self._slow else self.depth
        room = Signal(range(depth + 1), init=depth)
        has_room = Signal(init=1)
        go = Signal()
        leaves = self.leaves if self._slow else self.o.valid & self.o.ready
        m.d.comb += [
            self.request.valid.eq(self.i.valid & has_room),
            self.request.p.address.eq(self.i.p.accumulator),
            self.request.p.block.eq(self.i.p.block),
            self.i.ready.eq(self.request.ready & has_room),
            go.eq(self.request.valid & self.request.ready),
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
            came, before, step = next_came, came, next_step
        drained = Signal(drained_layout(self._lanes))
        m.d.comb += [
            drained.acc.eq(self.word),
            drained.block_end.eq(step.block_end),
            drained.output.eq(step.output),
            drained.tag.eq(step.tag),
        ]
        if not self._slow:
            m.submodules.words = words = Queue(shape=drained.shape(), depth=depth)
            m.d.comb += [words.i.valid.eq(came), words.i.payload.eq(drained)]
            wiring.connect(m, words.o, wiring.flipped(self.o))
            return m

        ready = Signal.like(drained, reset_less=True)
        m.d.comb += self.o.payload.eq(ready)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [self.o.valid.eq(came), ready.eq(drained)]
        with m.Else():
            m.d.sync += came.eq(before | came)
        return m
