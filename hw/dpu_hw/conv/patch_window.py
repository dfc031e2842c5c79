# SPDX-License-Identifier: Apache-2.0
"""A window of words from which unaligned runs of bytes are cut."""

from amaranth import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.conv.patch_cursor import cut_layout
from dpu_hw.layouts import word_layout

__all__ = ["PatchWindow"]


class PatchWindow(wiring.Component):
    """The latest words of a segment. Each cycle it gives ``lanes`` bytes from any byte on.

    Words of even and odd slots lie in memories of their own (distributed RAM), so that the two
    that a run may touch are read at once.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    slots : :class:`int`
        Words that it holds.

    Members
    -------
    valid : :py:`In(1)`
        A word comes.
    word : :py:`In(word_layout(lanes))`
        The word.
    move : :py:`In(1)`
        The stages go on.
    cut : :py:`In(cut_layout(lanes, slots))`
        What to take.
    bytes : :py:`Out(word_layout(lanes))`
        The bytes, after :attr:`latency` moves.
    mask : :py:`Out(lanes)`
        The lanes that the segment fills.
    """

    #: Moves from a cut to its bytes.
    latency = 2

    def __init__(self, *, lanes, slots):
        exact_log2(lanes)
        exact_log2(slots)
        self._lanes = lanes
        self._slots = slots
        super().__init__(
            {
                "valid": In(1),
                "word": In(word_layout(lanes)),
                "move": In(1),
                "cut": In(cut_layout(lanes, slots)),
                "bytes": Out(word_layout(lanes)),
                "mask": Out(lanes),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def slots(self):
        """Words that it holds."""
        return self._slots

    def elaborate(self, platform):
        m = Module()
        lanes = self._lanes
        fill = Signal(range(self._slots))
        with m.If(self.valid):
            m.d.sync += fill.eq(fill + 1)

        words = []
        for odd in range(2):
            m.submodules["odd" if odd else "even"] = half = memory.Memory(
                shape=unsigned(8 * lanes), depth=self._slots // 2, init=[]
            )
            write = half.write_port()
            read = half.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(fill[1:]),
                write.data.eq(Value.cast(self.word)),
                write.en.eq(self.valid & (fill[0] == odd)),
                # Behind an odd slot comes the even one of the next pair.
                read.addr.eq(self.cut.slot[1:] + (0 if odd else self.cut.slot[0])),
            ]
            word = Signal(8 * lanes, name=f"word_{odd}", reset_less=True)
            with m.If(self.move):
                m.d.sync += word.eq(read.data)
            words.append(word)

        cut = Signal.like(self.cut, reset_less=True)
        with m.If(self.move):
            m.d.sync += cut.eq(self.cut)

        # Byte b of a word comes from the second word if it lies before the first wanted one.
        bytes_ = []
        for b in range(lanes):
            even, odd = (word.word_select(b, 8) for word in words)
            bytes_.append(Mux(cut.slot[0] ^ (b < cut.shift), odd, even))
        joined = Cat(bytes_)
        # Step by step this takes fewer multiplexers than a choice among all rotations.
        rotated = joined
        for place in range(len(cut.shift)):
            rotated = Mux(cut.shift[place], rotated.rotate_right(8 << place), rotated)
        result = Signal.like(self.bytes, reset_less=True)
        mask = Signal(lanes, reset_less=True)
        with m.If(self.move):
            m.d.sync += [Value.cast(result).eq(rotated), mask.eq(cut.mask)]
        m.d.comb += [self.bytes.eq(result), self.mask.eq(mask)]
        return m
