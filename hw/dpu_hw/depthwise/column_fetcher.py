# SPDX-License-Identifier: Apache-2.0
"""Fetching of columns from the scratchpad."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.depthwise.column_walker import ColumnWalker
from dpu_hw.depthwise.layouts import ROWS, column_layout, column_tag_layout, geometry_layout
from dpu_hw.layouts import word_layout
from dpu_hw.ports import ADDRESS_BITS, READ_LATENCY, ReadPortSignature
from dpu_hw.queue import Queue
from dpu_hw.ram_queue import RamQueue

__all__ = ["ColumnFetcher"]

#: Columns under way; six would do without refusals.
_DEPTH = 16


class ColumnFetcher(wiring.Component):
    """Fetch the columns of instructions, one a cycle while no bank refuses.

    Each row has queues and a port of its own, so rows that share a bank drift apart by a column or
    two, after which they meet in different banks.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    address_bits : :class:`int`
        Bits that tell the words of the scratchpad apart.

    Members
    -------
    i : :py:`In(stream.Signature(geometry_layout(address_bits)))`
        Instructions.
    o : :py:`Out(stream.Signature(column_layout(lanes)))`
        Columns, from seven cycles after the instruction on.
    read : :py:`Out(ReadPortSignature(lanes=lanes)).array(3)`
        The scratchpad, one port for each row of the window.
    """

    def __init__(self, *, lanes, address_bits=ADDRESS_BITS):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        self._lanes = lanes
        self._address_bits = address_bits
        super().__init__(
            {
                "i": In(stream.Signature(geometry_layout(address_bits))),
                "o": Out(stream.Signature(column_layout(lanes))),
                "read": Out(ReadPortSignature(lanes=lanes)).array(ROWS),
            }
        )

    @property
    def lanes(self):
        """Lanes of a word."""
        return self._lanes

    @property
    def address_bits(self):
        """Bits that tell the words of the scratchpad apart."""
        return self._address_bits

    def elaborate(self, platform):
        m = Module()

        m.submodules.walker = walker = ColumnWalker(address_bits=self._address_bits)
        connect(m, flipped(self.i), walker.i)

        # A column is in this queue from when its requests are queued until its words are taken.
        # That bounds the other queues: they never refuse, and words have room.
        shape = data.StructLayout({"inside": ROWS, "tag": column_tag_layout()})
        m.submodules.columns = columns = Queue(shape=shape, depth=_DEPTH)
        m.d.comb += [
            columns.i.valid.eq(walker.o.valid),
            columns.i.p.inside.eq(walker.o.p.inside),
            columns.i.p.tag.eq(walker.o.p.tag),
            walker.o.ready.eq(columns.i.ready),
        ]
        column = columns.o.p

        missing = Signal(ROWS)
        take = Signal()
        for k, port in enumerate(self.read):
            requests = RamQueue(shape=self._address_bits, depth=_DEPTH)
            words = RamQueue(shape=word_layout(self._lanes), depth=_DEPTH)
            m.submodules[f"requests_{k}"] = requests
            m.submodules[f"words_{k}"] = words
            m.d.comb += [
                requests.i.valid.eq(walker.o.valid & columns.i.ready & walker.o.p.inside[k]),
                requests.i.payload.eq(walker.o.p.address[k]),
                requests.o.ready.eq(~port.request.valid | port.request.ready),
            ]
            # A register shortens the way through the arbiter of the banks.
            address = Signal(self._address_bits, name=f"address_{k}", reset_less=True)
            m.d.comb += port.request.payload.eq(address)
            with m.If(requests.o.ready):
                m.d.sync += port.request.valid.eq(requests.o.valid)
                with m.If(requests.o.valid):
                    m.d.sync += address.eq(requests.o.payload)

            arriving = Signal(READ_LATENCY, name=f"arriving_{k}")
            m.d.sync += arriving.eq(Cat(port.request.valid & port.request.ready, arriving))
            m.d.comb += [
                words.i.valid.eq(arriving[-1]),
                words.i.payload.eq(port.data),
                words.o.ready.eq(take & column.inside[k]),
                missing[k].eq(column.inside[k] & ~words.o.valid),
                self.o.p.words[k].eq(words.o.payload),
            ]

        m.d.comb += [
            self.o.valid.eq(columns.o.valid & ~missing.any()),
            self.o.p.inside.eq(column.inside),
            self.o.p.tag.eq(column.tag),
            take.eq(self.o.valid & self.o.ready),
            columns.o.ready.eq(take),
        ]
        return m
