# SPDX-License-Identifier: Apache-2.0
"""Words of an operand, read ahead."""

from itertools import pairwise

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.layouts import word_layout
from dpu_hw.ports import ADDRESS_BITS, READ_LATENCY, ReadPortSignature
from dpu_hw.queue import Queue
from dpu_hw.split_queue import SplitQueue

__all__ = ["Fetch", "fetched_layout"]

#: Addresses that wait for a refused read port.
_ADDRESSES = 2
#: Words fetched ahead. One a cycle takes the read latency and the two cycles that a word and its
#: returned credit spend on their way; the rest bridges refusals.
_WORDS = READ_LATENCY + 6


def fetched_layout(lanes, tag_shape):
    """Return the layout of a fetched word; its data mean nothing unless it is ``inside``."""
    return data.StructLayout({"word": word_layout(lanes), "inside": 1, "tag": tag_shape})


class Fetch(wiring.Component):
    """Read a word for each address and queue it, in order. What lies outside makes no request.

    Parameters
    ----------
    lanes : :class:`int`
        Values in a word.
    tag_shape : :ref:`shape-like <lang-shapelike>`
        Shape of what goes with the word.

    Members
    -------
    i : :py:`In(stream.Signature(StructLayout({"address": 16, "inside": 1, "tag": tag_shape})))`
        Addresses.
    read : :py:`Out(ReadPortSignature(lanes=lanes))`
        Read port.
    o : :py:`Out(stream.Signature(fetched_layout(lanes, tag_shape)))`
        Words, five cycles after their address if nothing is refused.
    """

    def __init__(self, *, lanes, tag_shape):
        self._lanes = lanes
        self._tag_shape = tag_shape
        super().__init__(
            {
                "i": In(
                    stream.Signature(
                        data.StructLayout({"address": ADDRESS_BITS, "inside": 1, "tag": tag_shape})
                    )
                ),
                "read": Out(ReadPortSignature(lanes=lanes)),
                "o": Out(stream.Signature(fetched_layout(lanes, tag_shape))),
            }
        )

    @property
    def lanes(self):
        """Values in a word."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        flight_layout = data.StructLayout({"valid": 1, "inside": 1, "tag": self._tag_shape})

        # The queue in front keeps the banks' arbitration out of the address generator.
        m.submodules.addresses = addresses = Queue(shape=self.i.payload.shape(), depth=_ADDRESSES)
        m.submodules.words = words = SplitQueue(
            shape=self.o.payload.shape(), depth=_WORDS, registered=("inside", "tag")
        )
        connect(m, flipped(self.i), addresses.i)
        connect(m, words.o, flipped(self.o))

        credits = Signal(range(_WORDS + 1), init=_WORDS)
        credit = Signal(init=1)
        issue = Signal()
        m.d.comb += [
            self.read.request.payload.eq(addresses.o.payload.address),
            self.read.request.valid.eq(addresses.o.valid & addresses.o.payload.inside & credit),
            addresses.o.ready.eq(credit & (self.read.request.ready | ~addresses.o.payload.inside)),
            issue.eq(addresses.o.valid & addresses.o.ready),
        ]
        with m.If(issue & ~(self.o.valid & self.o.ready)):
            m.d.sync += [credits.eq(credits - 1), credit.eq(credits != 1)]
        with m.Elif(~issue & self.o.valid & self.o.ready):
            m.d.sync += [credits.eq(credits + 1), credit.eq(1)]

        flight = [Signal(flight_layout, name=f"flight_{n}") for n in range(READ_LATENCY)]
        arrived = flight[-1]
        m.d.sync += flight[0].valid.eq(issue)
        with m.If(issue):
            m.d.sync += [
                flight[0].inside.eq(addresses.o.payload.inside),
                flight[0].tag.eq(addresses.o.payload.tag),
            ]
        m.d.sync += [after.eq(before) for before, after in pairwise(flight)]
        m.d.comb += [
            words.i.valid.eq(arrived.valid),
            words.i.payload.word.eq(self.read.data),
            words.i.payload.inside.eq(arrived.inside),
            words.i.payload.tag.eq(arrived.tag),
        ]

        return m
