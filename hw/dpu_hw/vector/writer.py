# SPDX-License-Identifier: Apache-2.0
"""Results put together to words and written."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.layouts import word_layout
from dpu_hw.ports import WritePortSignature
from dpu_hw.queue import Queue
from dpu_hw.ram_queue import RamQueue
from dpu_hw.vector.pixel_walker import PIXEL_ADDRESS
from dpu_hw.vector.scaler import scaled_layout

__all__ = ["ADDRESSES", "Writer"]

#: Addresses that wait for their words.
ADDRESSES = 2

#: Words that wait for a refused write port.
_WORDS = 4


class Writer(wiring.Component):
    """Gather slices to words and write each to the next address.

    Parameters
    ----------
    lanes : :class:`int`
        Values in a word.
    vector_lanes : :class:`int`
        Values in a slice.

    Members
    -------
    i : :py:`In(stream.Signature(scaled_layout(vector_lanes)))`
        Slices.
    addresses : :py:`In(stream.Signature(PIXEL_ADDRESS))`
        An address for each word.
    write : :py:`Out(WritePortSignature(lanes=lanes))`
        Write port; the request comes two cycles after the last slice.
    done : :py:`Out(1)`
        Pulse in the cycle after an instruction's last word was written.
    """

    def __init__(self, *, lanes, vector_lanes):
        self._lanes = lanes
        self._vector_lanes = vector_lanes
        super().__init__(
            {
                "i": In(stream.Signature(scaled_layout(vector_lanes))),
                "addresses": In(stream.Signature(PIXEL_ADDRESS)),
                "write": Out(WritePortSignature(lanes=lanes)),
                "done": Out(1),
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
        gathered = Signal(word_layout(self._lanes), reset_less=True)
        full = Signal()
        m.submodules.words = words = RamQueue(shape=word_layout(self._lanes), depth=_WORDS)
        bits = 8 * self._vector_lanes

        # Slices move in from the top, so that the first ends up in the lowest lanes.
        m.d.comb += [
            words.i.valid.eq(full),
            words.i.payload.eq(gathered),
            self.i.ready.eq(~full | words.i.ready),
        ]
        with m.If(words.i.ready):
            m.d.sync += full.eq(0)
        with m.If(self.i.valid & self.i.ready):
            value = gathered.as_value()
            m.d.sync += [
                value.eq(Cat(value, self.i.payload.data)[bits:]),
                full.eq(self.i.payload.word_end),
            ]

        # The queues keep the banks' arbitration out of the lanes' stall signal and out of the
        # address generator.
        m.submodules.addresses = addresses = Queue(shape=PIXEL_ADDRESS, depth=ADDRESSES)
        connect(m, flipped(self.addresses), addresses.i)
        request = self.write.request
        written = Signal()
        m.d.comb += [
            request.valid.eq(words.o.valid & addresses.o.valid),
            request.payload.data.eq(words.o.payload),
            request.payload.address.eq(addresses.o.payload.address),
            written.eq(request.valid & request.ready),
            words.o.ready.eq(written),
            addresses.o.ready.eq(written),
        ]
        m.d.sync += self.done.eq(written & addresses.o.payload.last)
        return m
