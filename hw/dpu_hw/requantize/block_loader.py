# SPDX-License-Identifier: Apache-2.0
"""Reader of a block's parameters, ahead of their use."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["BlockLoader"]


class BlockLoader(wiring.Component):
    """Read runs of words from a memory into registers, the next run while the present one is used.

    A run of n words occupies the memory's port for exactly n cycles, the first being that of the
    request's transfer. It is ready n + 2 cycles after the request; runs follow each other every
    n + 1 cycles.

    Parameters
    ----------
    words : :class:`int`
        Words of a run, at least two.
    word_bits : :class:`int`
        Bits of a word.
    address_bits : :class:`int`
        Bits of a word address.

    Members
    -------
    request : :py:`In(stream.Signature(address_bits))`
        Address of a run's first word.
    address : :py:`Out(address_bits)`
        To the memory.
    data : :py:`In(word_bits)`
        From the memory, a cycle after the address.
    reading : :py:`Out(1)`
        A run that was requested in an earlier cycle occupies the memory's port, from a register.
    next_odd : :py:`Out(1)`
        Lowest bit of the address while reading, from a register.
    o : :py:`Out(stream.Signature(data.ArrayLayout(word_bits, words)))`
        The present run. Its transfer makes room for the next.
    """

    def __init__(self, *, words, word_bits, address_bits):
        for name, value in (("word_bits", word_bits), ("address_bits", address_bits)):
            if not isinstance(value, int) or value <= 0:
                raise TypeError(f"{name} must be a positive integer, not {value!r}")
        if not isinstance(words, int) or words < 2:
            raise ValueError(f"A run must have at least two words, not {words!r}")
        self._words = words
        self._word_bits = word_bits
        self._address_bits = address_bits
        super().__init__(
            {
                "request": In(stream.Signature(address_bits)),
                "address": Out(address_bits),
                "data": In(word_bits),
                "reading": Out(1),
                "next_odd": Out(1),
                "o": Out(stream.Signature(data.ArrayLayout(word_bits, words))),
            }
        )

    @property
    def words(self):
        """Words of a run."""
        return self._words

    @property
    def word_bits(self):
        """Bits of a word."""
        return self._word_bits

    @property
    def address_bits(self):
        """Bits of a word address."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()

        next_address = Signal(self._address_bits, reset_less=True)
        remaining = Signal(range(self._words))
        reading = self.reading  # words remain
        arriving = Signal()  # the memory gives a word of a run
        last_arrives = Signal()
        # What is read needs no reset: `full` and `valid` tell when it matters.
        filling = Signal(data.ArrayLayout(self._word_bits, self._words), reset_less=True)
        present = Signal(data.ArrayLayout(self._word_bits, self._words), reset_less=True)
        full = Signal()
        move = Signal()

        m.d.comb += self.o.payload.eq(present)
        m.d.comb += move.eq(full & (~self.o.valid | self.o.ready))
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(move):
            m.d.sync += [present.eq(filling), self.o.valid.eq(1), full.eq(0)]

        # The first word of a run arrives a cycle after its request, so the run before may still be
        # leaving while the request is accepted. That it can is only looked at where it needn't wait
        # for the consumer, to keep requests independent of o.ready.
        m.d.comb += self.request.ready.eq(~reading & ~last_arrives & (~full | ~self.o.valid))
        start = self.request.valid & self.request.ready
        m.d.comb += [
            self.address.eq(Mux(reading, next_address, self.request.payload)),
            self.next_odd.eq(next_address[0]),
        ]
        m.d.sync += [arriving.eq(start | reading), last_arrives.eq(remaining == 1)]
        with m.If(start):
            m.d.sync += [remaining.eq(self._words - 1), reading.eq(1)]
        with m.Elif(reading):
            m.d.sync += [remaining.eq(remaining - 1), reading.eq(remaining != 1)]
        with m.If(start | reading):
            m.d.sync += next_address.eq(self.address + 1)

        # A shift register needs no decoder; after a whole run the first word is at the front.
        with m.If(arriving):
            m.d.sync += filling.eq(Cat(filling.as_value()[self._word_bits :], self.data))
        with m.If(last_arrives):
            m.d.sync += full.eq(1)
        return m
