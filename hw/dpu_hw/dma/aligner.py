# SPDX-License-Identifier: Apache-2.0
"""From beats to words."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.dma.layouts import beat_layout, piece_layout
from dpu_hw.dma.shift import rotate_down
from dpu_hw.layouts import word_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.isa import LOAD

__all__ = ["Aligner", "filled_layout"]


def filled_layout(*, lanes):
    """Return the layout of a word on its way to a buffer."""
    target = next(field.bits for field in LOAD.body if field.name == "target")
    return data.StructLayout(
        {"target": target, "address": ADDRESS_BITS, "data": word_layout(lanes), "last": 1}
    )


class Aligner(wiring.Component):
    """Cut words out of beats.

    A few beats lie in a ring; a word takes its bytes from wherever they are in it. The lanes above
    a piece's bytes hold whatever follows.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    data_bytes : :class:`int`
        Bytes of a beat.

    Members
    -------
    beats : :py:`In(stream.Signature(beat_layout(data_bytes=data_bytes)))`
        Beats of the runs, in order.
    pieces : :py:`In(stream.Signature(piece_layout(lanes=lanes, data_bytes=data_bytes)))`
        Where the words lie in them.
    o : :py:`Out(stream.Signature(filled_layout(lanes=lanes)))`
        Words, one a cycle, a cycle after the piece and its last beat (which takes two cycles).
    """

    def __init__(self, *, lanes, data_bytes):
        self._lanes = lanes
        self._data_bytes = data_bytes
        super().__init__(
            {
                "beats": In(stream.Signature(beat_layout(data_bytes=data_bytes))),
                "pieces": In(stream.Signature(piece_layout(lanes=lanes, data_bytes=data_bytes))),
                "o": Out(stream.Signature(filled_layout(lanes=lanes))),
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
        # An unaligned word and the beat after it must fit, or there would be bubbles.
        slots = 2 * max(self._lanes, self._data_bytes) // self._data_bytes
        ring = Array(
            Signal(8 * self._data_bytes, name=f"beat_{slot}", reset_less=True)
            for slot in range(slots)
        )
        head = Signal(range(slots))
        tail = Signal(range(slots))
        count = Signal(range(slots + 1))
        filled = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(filled)

        piece = self.pieces.payload
        # No piece reaches over more beats than there are slots.
        fire = Signal()
        taken = Signal.like(piece.advance)
        m.d.comb += [
            fire.eq(
                self.pieces.valid
                & (count >= piece.span[: len(count)])
                & (self.o.ready | ~self.o.valid),
            ),
            taken.eq(Mux(fire, piece.advance, 0)),
            self.pieces.ready.eq(fire),
            # A slot that is given up in this cycle can be filled in it.
            self.beats.ready.eq((count != slots) | (taken != 0)),
        ]
        m.d.sync += [
            head.eq(head + taken),
            count.eq(count - taken + (self.beats.valid & self.beats.ready)),
        ]
        with m.If(self.beats.valid & self.beats.ready):
            m.d.sync += [ring[tail].eq(self.beats.payload.as_value()), tail.eq(tail + 1)]

        place = Cat(piece.position, head)
        assert len(place) == exact_log2(slots * self._data_bytes)
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += self.o.valid.eq(fire)
            with m.If(fire):
                word = rotate_down(Cat(ring), place, count=self._lanes)
                m.d.sync += [
                    filled.target.eq(piece.target),
                    filled.address.eq(piece.address),
                    filled.data.as_value().eq(word),
                    filled.last.eq(piece.last),
                ]
        return m
