# SPDX-License-Identifier: Apache-2.0
"""Reading the words that a STORE takes from the scratchpad."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.dma.layouts import piece_layout
from dpu_hw.layouts import word_layout
from dpu_hw.ports import READ_LATENCY, ReadPortSignature
from dpu_hw.queue import Queue
from dpu_hw.ram_queue import RamQueue

__all__ = ["Gather", "gathered_layout"]

#: Words requested or waiting; the port's latency and the queue's have to fit for one word a cycle.
_DEPTH = 8


def gathered_layout(*, lanes, data_bytes):
    """Return the layout of a word and where its bytes belong in the beats of its run."""
    return data.StructLayout(
        {
            "data": word_layout(lanes),
            "position": exact_log2(data_bytes),
            "bytes": range(lanes + 1),
            "end": 1,
        }
    )


class Gather(wiring.Component):
    """Read a word for each piece, requesting no more than there is room for.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    data_bytes : :class:`int`
        Bytes of a beat.

    Members
    -------
    pieces : :py:`In(stream.Signature(piece_layout(lanes=lanes, data_bytes=data_bytes)))`
        Addresses of words and their places in the beats.
    read : :py:`Out(ReadPortSignature(lanes=lanes))`
        The scratchpad.
    o : :py:`Out(stream.Signature(gathered_layout(lanes=lanes, data_bytes=data_bytes)))`
        Words, one a cycle, :data:`READ_LATENCY` + 1 cycles after their requests, which come a cycle
        after their pieces.
    """

    def __init__(self, *, lanes, data_bytes):
        self._lanes = lanes
        self._data_bytes = data_bytes
        super().__init__(
            {
                "pieces": In(stream.Signature(piece_layout(lanes=lanes, data_bytes=data_bytes))),
                "read": Out(ReadPortSignature(lanes=lanes)),
                "o": Out(
                    stream.Signature(gathered_layout(lanes=lanes, data_bytes=data_bytes)),
                ),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def data_bytes(self):
        """Bytes of a beat."""
        return self._data_bytes

    def elaborate(self, platform):
        m = Module()
        layout = gathered_layout(lanes=self._lanes, data_bytes=self._data_bytes)
        m.submodules.words = words = RamQueue(shape=layout, depth=_DEPTH)
        wiring.connect(m, words.o, wiring.flipped(self.o))

        # Keeps the banks' arbitration out of the address generator.
        m.submodules.pieces = pieces = Queue(
            shape=piece_layout(lanes=self._lanes, data_bytes=self._data_bytes), depth=2
        )
        wiring.connect(m, wiring.flipped(self.pieces), pieces.i)

        credits = Signal(range(_DEPTH + 1), init=_DEPTH)
        credit = Signal(init=1)
        piece = pieces.o.payload
        request = self.read.request
        transfer = Signal()
        m.d.comb += [
            request.payload.eq(piece.address),
            request.valid.eq(pieces.o.valid & credit),
            transfer.eq(request.valid & request.ready),
            pieces.o.ready.eq(transfer),
        ]
        returned = self.o.valid & self.o.ready
        with m.If(transfer & ~returned):
            m.d.sync += [credits.eq(credits - 1), credit.eq(credits != 1)]
        with m.Elif(~transfer & returned):
            m.d.sync += [credits.eq(credits + 1), credit.eq(1)]

        # The place travels beside the word.
        valid = transfer
        place = Cat(piece.position, piece.bytes, piece.end)
        for stage in range(READ_LATENCY):
            next_valid = Signal(name=f"valid_{stage}")
            next_place = Signal(len(place), name=f"place_{stage}", reset_less=True)
            m.d.sync += next_valid.eq(valid)
            with m.If(valid):
                m.d.sync += next_place.eq(place)
            valid, place = next_valid, next_place
        entry = words.i.payload
        m.d.comb += [
            words.i.valid.eq(valid),
            entry.data.eq(self.read.data),
            Cat(entry.position, entry.bytes, entry.end).eq(place),
        ]
        return m
