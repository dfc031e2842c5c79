# SPDX-License-Identifier: Apache-2.0
"""The chip's side of a transfer: its words, and where their bytes lie in the beats."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.dma.layouts import piece_layout, walk_layout
from dpu_hw.loop_counter import LoopCounter
from dpu_hw.ports import ADDRESS_BITS

__all__ = ["Walk"]


class Walk(wiring.Component):
    """Step through the words of a transfer: rows in a ring, columns, channel blocks.

    The first row's address lies inside the ring.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    data_bytes : :class:`int`
        Bytes of a beat.

    Members
    -------
    i : :py:`In(stream.Signature(walk_layout(data_bytes=data_bytes)))`
        Transfers.
    o : :py:`Out(stream.Signature(piece_layout(data_bytes=data_bytes)))`
        A piece for each word, one a cycle, from two cycles later on.
    """

    def __init__(self, *, lanes, data_bytes):
        self._lanes = lanes
        self._data_bytes = data_bytes
        super().__init__(
            {
                "i": In(stream.Signature(walk_layout(data_bytes=data_bytes))),
                "o": Out(stream.Signature(piece_layout(data_bytes=data_bytes))),
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
        low = exact_log2(self._data_bytes)
        walk = Signal(walk_layout(data_bytes=self._data_bytes), reset_less=True)
        active = Signal()
        take = Signal()
        go = Signal()
        m.submodules.rows = rows = LoopCounter(width=len(walk.more_rows), final=0)
        m.submodules.columns = columns = LoopCounter(width=len(walk.more_columns), final=0)
        m.submodules.blocks = blocks = LoopCounter(width=len(walk.more_blocks), final=0)
        last_block, last_column, last_row = blocks.last, columns.last, rows.last
        # Word address and byte position of the row's start, of the pixel's, and of the word.
        row_address = Signal(ADDRESS_BITS, reset_less=True)
        pixel_address = Signal(ADDRESS_BITS, reset_less=True)
        address = Signal(ADDRESS_BITS, reset_less=True)
        row_position = Signal(low)
        pixel_position = Signal(low)
        position = Signal(low)
        piece = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(piece)

        # All three candidates for the next address are computed side by side.
        wraps = row_address >= walk.limit
        next_row = Signal(ADDRESS_BITS)
        next_row_position = Signal(low)
        next_pixel = Signal(ADDRESS_BITS)
        next_pixel_position = Signal(low)
        m.d.comb += [
            next_row.eq(
                Mux(wraps, row_address + walk.wrapped_stride, row_address + walk.row_stride)
            ),
            next_row_position.eq(row_position + walk.row_step),
            next_pixel.eq(pixel_address + 1),
            next_pixel_position.eq(pixel_position + walk.column_step),
        ]

        count = Signal.like(self.o.payload.bytes)
        reach = Signal(range(self._data_bytes + self._lanes))
        end = Signal()
        m.d.comb += [
            count.eq(Mux(last_block, walk.tail, self._lanes)),
            reach.eq(position + count),
            end.eq(
                last_block & (walk.pixel_runs | (last_column & (walk.row_runs | last_row))),
            ),
        ]
        whole = reach[low:]
        span = Signal.like(self.o.payload.span)
        m.d.comb += span.eq(whole + reach[:low].any())

        move = self.o.ready | ~self.o.valid
        first = self.i.payload
        m.d.comb += [
            self.i.ready.eq(~active),
            take.eq(self.i.valid & ~active),
            go.eq(active & move),
            blocks.load.eq(take),
            blocks.count.eq(first.more_blocks),
            blocks.step.eq(go),
            columns.load.eq(take),
            columns.count.eq(first.more_columns),
            columns.step.eq(go & last_block),
            rows.load.eq(take),
            rows.count.eq(first.more_rows),
            rows.step.eq(go & last_block & last_column),
        ]
        with m.If(take):
            m.d.sync += [
                walk.eq(first),
                active.eq(1),
                *(a.eq(first.address) for a in (row_address, pixel_address, address)),
                *(p.eq(first.position) for p in (row_position, pixel_position, position)),
            ]
        with m.If(move):
            m.d.sync += self.o.valid.eq(active)
            with m.If(active):
                m.d.sync += [
                    piece.target.eq(walk.target),
                    piece.address.eq(address),
                    piece.position.eq(position),
                    piece.bytes.eq(count),
                    piece.span.eq(span),
                    piece.advance.eq(Mux(end, span, whole)),
                    piece.end.eq(end),
                    piece.last.eq(last_block & last_column & last_row),
                ]
                with m.If(~last_block):
                    m.d.sync += [
                        address.eq(address + walk.block_stride),
                        position.eq(position + self._lanes),
                    ]
                with m.Elif(~last_column):
                    m.d.sync += [
                        *(a.eq(next_pixel) for a in (pixel_address, address)),
                        *(p.eq(next_pixel_position) for p in (pixel_position, position)),
                    ]
                with m.Else():
                    m.d.sync += [
                        active.eq(~last_row),
                        *(a.eq(next_row) for a in (row_address, pixel_address, address)),
                        *(
                            p.eq(next_row_position)
                            for p in (row_position, pixel_position, position)
                        ),
                    ]
        return m
