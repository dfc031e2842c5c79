# SPDX-License-Identifier: Apache-2.0
"""Tables of 256 int32 entries, one pair for each vector lane."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.ports import BufferWriteSignature
from dpu_hw.vector.table_loader import ENTRY_BITS, TableLoader
from dpu_spec.isa import TABLE_ENTRIES, TABLE_SLOTS

__all__ = ["TableReadSignature", "Tables"]


class TableReadSignature(wiring.Signature):
    """How the lanes look entries up, from their side.

    Members
    -------
    enable : :py:`Out(1)`
        Look up; the entries stay as they are without.
    slot : :py:`Out(1)`
        Slot of tables.
    index_a, index_b : :py:`Out(ArrayLayout(8, lanes))`
        Index of each lane into table A and B: the bits of an int8.
    entry_a, entry_b : :py:`In(ArrayLayout(signed(32), lanes))`
        Entries, a cycle later.
    """

    def __init__(self, *, lanes):
        index = data.ArrayLayout(8, lanes)
        entry = data.ArrayLayout(signed(32), lanes)
        super().__init__(
            {
                "enable": Out(1),
                "slot": Out(1),
                "index_a": Out(index),
                "index_b": Out(index),
                "entry_a": In(entry),
                "entry_b": In(entry),
            }
        )


class Tables(wiring.Component):
    """Tables A and B in two slots, in block RAM: 512 x 32 bits a lane and table.

    Parameters
    ----------
    lanes : :class:`int`
        Values in a word.
    vector_lanes : :class:`int`
        Lookups in a cycle.

    Members
    -------
    load : :py:`In(BufferWriteSignature(lanes=lanes))`
        The load engine's way in. With more than four lanes, entries reach the tables up to some
        hundred cycles later (see :class:`TableLoader`).
    pending : :py:`Out(2)`
        A bit for each slot: entries of it may still be on their way.
    read : :py:`In(TableReadSignature(lanes=vector_lanes))`
        Lookups.
    """

    def __init__(self, *, lanes, vector_lanes):
        self._lanes = lanes
        self._vector_lanes = vector_lanes
        super().__init__(
            {
                "load": In(BufferWriteSignature(lanes=lanes)),
                "pending": Out(TABLE_SLOTS),
                "read": In(TableReadSignature(lanes=vector_lanes)),
            }
        )

    @property
    def lanes(self):
        """Values in a word."""
        return self._lanes

    @property
    def vector_lanes(self):
        """Lookups in a cycle."""
        return self._vector_lanes

    def elaborate(self, platform):
        m = Module()
        m.submodules.loader = loader = TableLoader(lanes=self._lanes)
        connect(m, flipped(self.load), loader.load)
        m.d.comb += self.pending.eq(loader.pending)

        table_bit = ENTRY_BITS - 2
        slot_bit = ENTRY_BITS - 1
        sides = (
            ("a", self.read.index_a, self.read.entry_a),
            ("b", self.read.index_b, self.read.entry_b),
        )
        for which, (name, index, entry) in enumerate(sides):
            for lane in range(self._vector_lanes):
                table = memory.Memory(
                    shape=32,
                    depth=TABLE_SLOTS * TABLE_ENTRIES,
                    init=[],
                    # Nothing is looked up that is being loaded.
                    attrs={"no_rw_check": 1},
                )
                m.submodules[f"table_{name}_{lane}"] = table
                write = table.write_port()
                read = table.read_port()
                m.d.comb += [
                    write.en.eq(loader.valid & (loader.address[table_bit] == which)),
                    write.addr.eq(Cat(loader.address[:table_bit], loader.address[slot_bit])),
                    write.data.eq(loader.entry),
                    read.en.eq(self.read.enable),
                    read.addr.eq(Cat(index[lane], self.read.slot)),
                    entry[lane].eq(read.data),
                ]
        return m
