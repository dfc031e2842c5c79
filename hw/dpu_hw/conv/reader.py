# SPDX-License-Identifier: Apache-2.0
"""Reads the pixels of CONV from the scratchpad."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import PIXEL_TAG, REQUEST, pixel_layout
from dpu_hw.ports import READ_LATENCY, ReadPortSignature
from dpu_hw.queue import Queue

__all__ = ["PixelReader"]


class PixelReader(wiring.Component):
    """Fetch pixels ahead into a small queue, so that refused requests and passes that wait for
    weights make up for each other.

    Parameters
    ----------
    lanes : :class:`int`
        Channels of a pixel.
    depth : :class:`int`
        Pixels in the queue, those on their way included.

    Members
    -------
    i : :py:`In(stream.Signature(REQUEST))`
        Pixels wanted. One on the border takes its cycle, but no access.
    port : :py:`Out(ReadPortSignature(lanes=lanes))`
        The scratchpad.
    o : :py:`Out(stream.Signature(pixel_layout(lanes)))`
        Pixels, in order.
    """

    def __init__(self, *, lanes, depth=8):
        if not isinstance(depth, int) or not READ_LATENCY + 2 <= depth <= 16:
            raise ValueError(f"Depth must be from {READ_LATENCY + 2} to 16, not {depth!r}")
        self._lanes = lanes
        self._depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(REQUEST)),
                "port": Out(ReadPortSignature(lanes=lanes)),
                "o": Out(stream.Signature(pixel_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Channels of a pixel."""
        return self._lanes

    @property
    def depth(self):
        """Pixels in the queue."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        # The first queue keeps the scratchpad's arbitration out of the address pipeline.
        m.submodules.requests = requests = Queue(shape=REQUEST, depth=2)
        m.submodules.pixels = pixels = Queue(shape=pixel_layout(self._lanes), depth=self._depth)
        wiring.connect(m, wiring.flipped(self.i), requests.i)
        wiring.connect(m, pixels.o, wiring.flipped(self.o))

        head = requests.o
        places = Signal(range(self._depth + 1), init=self._depth)
        room = Signal(init=1)  # there are places
        go = Signal()
        m.d.comb += [
            self.port.request.valid.eq(head.valid & head.p.inside & room),
            self.port.request.payload.eq(head.p.address),
            go.eq(head.valid & room & (~head.p.inside | self.port.request.ready)),
            head.ready.eq(go),
        ]
        leaves = Signal()
        m.d.comb += leaves.eq(self.o.valid & self.o.ready)
        with m.If(go & ~leaves):
            m.d.sync += [places.eq(places - 1), room.eq(places != 1)]
        with m.If(leaves & ~go):
            m.d.sync += [places.eq(places + 1), room.eq(1)]

        came, inside, zero_point, tag = go, head.p.inside, head.p.zero_point, head.p.tag
        for i in range(READ_LATENCY):
            stage = (
                Signal(name=f"came_{i}"),
                Signal(name=f"inside_{i}"),
                Signal(signed(8), name=f"zero_point_{i}", reset_less=True),
                Signal(PIXEL_TAG, name=f"tag_{i}", reset_less=True),
            )
            m.d.sync += stage[0].eq(came)
            with m.If(came):
                m.d.sync += [
                    stage[1].eq(inside),
                    stage[2].eq(zero_point),
                    stage[3].eq(tag),
                ]
            came, inside, zero_point, tag = stage
        m.d.comb += [pixels.i.valid.eq(came), pixels.i.p.tag.eq(tag)]
        for lane in range(self._lanes):
            m.d.comb += pixels.i.p.data[lane].eq(Mux(inside, self.port.data[lane], zero_point))
        return m
