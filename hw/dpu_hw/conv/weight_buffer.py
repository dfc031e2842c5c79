# SPDX-License-Identifier: Apache-2.0
"""The buffer of weights."""

from amaranth import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.ports import BufferWriteSignature

__all__ = ["WeightBuffer"]


class WeightBuffer(wiring.Component):
    """Weights in rows of one byte for each array column, written in words of ``lanes`` bytes.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    columns : :class:`int`
        Bytes of a row.
    rows : :class:`int`
        Depth in rows, a power of two.

    Members
    -------
    write : :py:`In(BufferWriteSignature(lanes=lanes))`
        Words; word address / (columns / lanes) is the row.
    address : :py:`In(range(rows))`
        Row to read.
    enable : :py:`In(1)`
        Read it; without it the output doesn't change.
    row : :py:`Out(data.ArrayLayout(signed(8), columns))`
        The row, :attr:`latency` cycles later.
    """

    #: Cycles from the address to the row: the memory, and a register before the long way to the
    #: array.
    latency = 2

    def __init__(self, *, lanes, columns, rows):
        exact_log2(rows)
        exact_log2(columns // lanes)
        self._lanes = lanes
        self._columns = columns
        self._rows = rows
        super().__init__(
            {
                "write": In(BufferWriteSignature(lanes=lanes)),
                "address": In(range(rows)),
                "enable": In(1),
                "row": Out(data.ArrayLayout(signed(8), columns)),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    @property
    def columns(self):
        """Bytes of a row."""
        return self._columns

    @property
    def rows(self):
        """Depth in rows."""
        return self._rows

    def elaborate(self, platform):
        m = Module()
        blocks = self._columns // self._lanes
        block_bits = exact_log2(blocks)
        row = Signal.like(self.row, reset_less=True)
        enabled = Signal()
        m.d.sync += enabled.eq(self.enable)
        # A memory for each word of a row instead of one with write enables: these map to block RAM
        # of any width.
        for b in range(blocks):
            m.submodules[f"block_{b}"] = block = memory.Memory(
                shape=unsigned(8 * self._lanes),
                depth=self._rows,
                init=[],
                # Tokens keep loads away from the weights that are read.
                attrs={"no_rw_check": 1},
            )
            write = block.write_port()
            read = block.read_port()
            m.d.comb += [
                write.addr.eq(self.write.payload.address[block_bits:]),
                write.data.eq(Value.cast(self.write.payload.data)),
                write.en.eq(
                    self.write.valid & (self.write.payload.address[:block_bits] == b)
                    if blocks > 1
                    else self.write.valid
                ),
                read.addr.eq(self.address),
                read.en.eq(self.enable),
            ]
            with m.If(enabled):
                m.d.sync += Value.cast(row).word_select(b, 8 * self._lanes).eq(read.data)
        m.d.comb += self.row.eq(row)
        return m
