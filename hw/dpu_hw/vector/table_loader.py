# SPDX-License-Identifier: Apache-2.0
"""Words of the load engine, taken apart into table entries."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import BufferWriteSignature
from dpu_spec.isa import TABLE_ENTRIES, TABLE_SLOTS

__all__ = ["ENTRY_BITS", "TableLoader"]

#: Bits of an entry's address: slot, table (A, B), index.
ENTRY_BITS = (TABLE_SLOTS * 2 * TABLE_ENTRIES - 1).bit_length()


class TableLoader(wiring.Component):
    """Write one entry a cycle of words that may come every cycle and hold several.

    The tables of the lanes are as wide as an entry, and a wider write port would double their block
    RAMs or more. So words go to a memory of this loader, and from there entry by entry to the
    lanes. A range of addresses in each slot holds what is still to be copied; it only grows and
    shrinks at its ends, and copying an entry twice does no harm, so nothing that is written is
    ever lost. One slot's range is copied to its end before the other's is begun. With four lanes a
    word is an entry and there is nothing to take apart.

    Parameters
    ----------
    lanes : :class:`int`
        Values in a word: 4, 8 or 16, for 1, 2 or 4 entries.

    Members
    -------
    load : :py:`In(BufferWriteSignature(lanes=lanes))`
        Words.
    valid : :py:`Out(1)`
        An entry is written to the lanes' tables in this cycle.
    address : :py:`Out(10)`
        Its slot, table and index.
    entry : :py:`Out(32)`
        Its value.
    pending : :py:`Out(2)`
        A bit for each slot: entries of it may still be on their way.
    """

    def __init__(self, *, lanes):
        if lanes not in (4, 8, 16):
            raise ValueError(f"Lanes must be 4, 8 or 16, not {lanes!r}")
        self._lanes = lanes
        super().__init__(
            {
                "load": In(BufferWriteSignature(lanes=lanes)),
                "valid": Out(1),
                "address": Out(ENTRY_BITS),
                "entry": Out(32),
                "pending": Out(TABLE_SLOTS),
            }
        )

    @property
    def lanes(self):
        """Values in a word."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        bits = self._lanes * 8
        entries = self._lanes // 4
        if entries == 1:
            m.d.comb += [
                self.valid.eq(self.load.valid),
                self.address.eq(self.load.payload.address),
                self.entry.eq(self.load.payload.data.as_value()),
            ]
            return m

        index_bits = (entries - 1).bit_length()
        word_bits = ENTRY_BITS - index_bits
        m.submodules.words = words = memory.Memory(
            shape=bits,
            depth=1 << word_bits,
            init=[],
            # What is written while it is read is read again.
            attrs={"no_rw_check": 1},
        )
        write = words.write_port()
        read = words.read_port()
        # A word waits for a cycle, since it comes late in its own.
        new_valid = Signal()
        new_word = Signal(bits, reset_less=True)
        m.d.sync += new_valid.eq(self.load.valid)
        with m.If(self.load.valid):
            m.d.sync += [
                write.addr.eq(self.load.payload.address),
                new_word.eq(self.load.payload.data.as_value()),
            ]
        m.d.comb += [write.data.eq(new_word), write.en.eq(new_valid)]

        # Of each slot, words from `first` to `last` are to be copied, if `waiting`.
        slot_bits = word_bits - 1
        waiting = Signal(TABLE_SLOTS)
        first = Array(Signal(slot_bits, name=f"first_{slot}") for slot in range(TABLE_SLOTS))
        # The slot that is being copied, and the one of the next word.
        turn = Signal()
        slot = Signal()
        # The word that the read port holds, and which of its entries is next.
        copying = Signal()
        word = Signal(word_bits)
        index = Signal(index_bits)
        take = Signal()
        m.d.comb += [
            take.eq(waiting.any() & (~copying | index.all())),
            slot.eq(Mux(waiting.bit_select(turn, 1), turn, ~turn)),
            read.en.eq(take),
            read.addr.eq(Cat(first[slot], slot)),
        ]
        for number in range(TABLE_SLOTS):
            self._range(
                m,
                waiting=waiting[number],
                first=first[number],
                take=take & (slot == number),
                grow=new_valid & (write.addr[-1] == number),
                new=write.addr[:-1],
            )
        with m.If(take):
            m.d.sync += [copying.eq(1), word.eq(read.addr), index.eq(0), turn.eq(slot)]
        with m.Elif(copying):
            m.d.sync += [index.eq(index + 1), copying.eq(~index.all())]

        parts = data.View(data.ArrayLayout(32, entries), read.data)
        m.d.comb += [
            self.valid.eq(copying),
            self.address.eq(Cat(index, word)),
            self.entry.eq(parts[index]),
            *(
                self.pending[number].eq(
                    waiting[number]
                    | (copying & (word[-1] == number))
                    | (new_valid & (write.addr[-1] == number))
                )
                for number in range(TABLE_SLOTS)
            ),
        ]
        return m

    @staticmethod
    def _range(m, *, waiting, first, take, grow, new):
        """Take the first word of a slot's range out of it, and let the range grow to a new word."""
        last = Signal.like(first)
        rest = Signal()  # of the range once its first word is taken
        after = Signal.like(first)
        new_before = Signal()
        m.d.comb += [
            rest.eq(waiting & ~(take & (first == last))),
            after.eq(first + take),
            # Less than `after`, without waiting for it: both comes late.
            new_before.eq(Mux(take, new <= first, new < first)),
        ]
        m.d.sync += [waiting.eq(rest | grow), first.eq(after)]
        # A word that is written in the cycle in which its old value is read is in the range again.
        with m.If(grow):
            with m.If(~rest | new_before):
                m.d.sync += first.eq(new)
            with m.If(~rest | (new > last)):
                m.d.sync += last.eq(new)
