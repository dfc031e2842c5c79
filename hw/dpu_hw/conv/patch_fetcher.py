# SPDX-License-Identifier: Apache-2.0
"""Reads the words of one segment of a CONV_PATCH."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import SEQUENCE_BITS, patch_layout
from dpu_hw.conv.ring import ring_step
from dpu_hw.layouts import word_layout
from dpu_hw.loop_counter import LoopCounter
from dpu_hw.ports import ADDRESS_BITS, READ_LATENCY, ReadPortSignature
from dpu_hw.queue import Queue
from dpu_spec.isa import PATCH_SEGMENTS

__all__ = ["PatchFetcher"]


class PatchFetcher(wiring.Component):
    """Read row after row of words, as far ahead as the window has room.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    segment : :class:`int`
        Which segment.
    slots : :class:`int`
        Words in the window, those on their way included.

    Members
    -------
    i : :py:`In(stream.Signature(patch_layout(lanes)))`
        Prepared instruction; the next is taken with the last word of the one before.
    port : :py:`Out(ReadPortSignature(lanes=lanes))`
        The scratchpad.
    freed : :py:`In(16)`
        Running number of the first word that the window still needs.
    coming : :py:`Out(1)`
        A word will be there in the next cycle.
    valid : :py:`Out(1)`
        A word is there.
    word : :py:`Out(word_layout(lanes))`
        The word.
    """

    def __init__(self, *, lanes, segment, slots):
        if not 0 <= segment < PATCH_SEGMENTS:
            raise ValueError(f"There is no segment {segment!r}")
        self._lanes = lanes
        self._segment = segment
        self._slots = slots
        super().__init__(
            {
                "i": In(stream.Signature(patch_layout(lanes))),
                "port": Out(ReadPortSignature(lanes=lanes)),
                "freed": In(SEQUENCE_BITS),
                "coming": Out(1),
                "valid": Out(1),
                "word": Out(word_layout(lanes)),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def segment(self):
        """Which segment."""
        return self._segment

    @property
    def slots(self):
        """Words in the window."""
        return self._slots

    def elaborate(self, platform):
        m = Module()
        m.submodules.requests = requests = Queue(shape=unsigned(ADDRESS_BITS), depth=2)
        i = self.i.payload
        segment = i.segments[self._segment]
        valid_1, valid_2 = Signal(), Signal()
        move = Signal()
        m.d.comb += move.eq(~valid_2 | requests.i.ready)

        # Stage 0: the position in the segment.
        active = Signal()
        y = Signal.like(segment.y, reset_less=True)
        row = Signal(ADDRESS_BITS, reset_less=True)
        base = Signal(ADDRESS_BITS, reset_less=True)
        row_step = Signal(ADDRESS_BITS, reset_less=True)
        step_wrapped = Signal(signed(ADDRESS_BITS + 1), reset_less=True)
        stride_y = Signal.like(i.stride_y, reset_less=True)
        height = Signal.like(i.height, reset_less=True)
        m.submodules.rows = rows = LoopCounter(width=len(i.rows), final=1)
        m.submodules.words = words = LoopCounter(width=len(segment.words), final=1)
        none = Signal()
        index = Signal.like(segment.words)
        # Whether a row is inside is found out as it begins, with two adders one after the other.
        inside = Signal()
        next_y = Signal.like(y)
        row_end, end, take = Signal(), Signal(), Signal()
        m.d.comb += [
            next_y.eq(y + stride_y),
            row_end.eq(~inside | words.last),
            end.eq(row_end & rows.last),
            self.i.ready.eq(move & (~active | end)),
            take.eq(self.i.ready & self.i.valid),
            rows.load.eq(take),
            rows.count.eq(i.rows),
            rows.step.eq(move & active & row_end),
            words.load.eq(take),
            words.count.eq(segment.words),
            words.step.eq(move & active & inside),
        ]
        with m.If(move & active):
            m.d.sync += index.eq(index + 1)
            with m.If(row_end):
                m.d.sync += [
                    index.eq(0),
                    y.eq(next_y),
                    inside.eq((next_y.as_unsigned() < height) & ~none),
                    row.eq(ring_step(m, "row", row, row_step, step_wrapped)),
                ]
        with m.If(self.i.ready):
            m.d.sync += active.eq(self.i.valid)
            with m.If(take):
                m.d.sync += [
                    y.eq(segment.y),
                    inside.eq(segment.inside_y & (segment.words != 0)),
                    row.eq(segment.row),
                    base.eq(segment.base),
                    row_step.eq(i.row_step),
                    step_wrapped.eq(i.row_step - i.ring_words),
                    stride_y.eq(i.stride_y),
                    height.eq(i.height),
                    none.eq(segment.words == 0),
                    index.eq(0),
                ]

        # Stages 1 and 2: the row's and the word's address.
        row_1 = Signal(ADDRESS_BITS, reset_less=True)
        index_1 = Signal.like(index, reset_less=True)
        address = Signal(ADDRESS_BITS, reset_less=True)
        with m.If(move):
            m.d.sync += [valid_1.eq(active & inside), valid_2.eq(valid_1)]
            with m.If(active & inside):
                m.d.sync += [row_1.eq(row + base), index_1.eq(index)]
            with m.If(valid_1):
                m.d.sync += address.eq(row_1 + index_1)
        m.d.comb += [requests.i.valid.eq(valid_2), requests.i.payload.eq(address)]

        # Ask while the window has room. It may be ahead where a step skips whole words. What is
        # looked at is a cycle old, so that nothing but a register is ahead of the arbitration. A
        # request that was refused had room, and stays.
        issued = Signal(SEQUENCE_BITS)
        ahead = Signal(signed(SEQUENCE_BITS))
        room = Signal()
        go = Signal()
        m.d.comb += [
            ahead.eq(issued - self.freed),
            self.port.request.valid.eq(requests.o.valid & room),
            self.port.request.payload.eq(requests.o.payload),
            requests.o.ready.eq(self.port.request.ready & room),
            go.eq(self.port.request.valid & self.port.request.ready),
        ]
        refused = self.port.request.valid & ~self.port.request.ready
        m.d.sync += [issued.eq(issued + go), room.eq((ahead < self._slots - 1) | refused)]

        arrivals = [go]
        for n in range(READ_LATENCY):
            stage = Signal(name=f"came_{n}")
            m.d.sync += stage.eq(arrivals[-1])
            arrivals.append(stage)
        m.d.comb += [
            self.coming.eq(arrivals[-2]),
            self.valid.eq(arrivals[-1]),
            self.word.eq(self.port.data),
        ]
        return m
