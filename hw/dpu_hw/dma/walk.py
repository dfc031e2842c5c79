# SPDX-License-Identifier: Apache-2.0
"""The chip's side of a transfer: its words, and where their bytes lie in the beats."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.dma.layouts import piece_layout, walk_layout
from dpu_hw.dma.loop import Loop
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
    o : :py:`Out(stream.Signature(piece_layout(lanes=lanes, data_bytes=data_bytes)))`
        A piece for each word, one a cycle, from two cycles later on.
    """

    def __init__(self, *, lanes, data_bytes):
        self._lanes = lanes
        self._data_bytes = data_bytes
        super().__init__(
            {
                "i": In(stream.Signature(walk_layout(data_bytes=data_bytes))),
                "o": Out(stream.Signature(piece_layout(lanes=lanes, data_bytes=data_bytes))),
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
        pixel_ends = Signal()
        row_ends = Signal()
        lane_bits = exact_log2(self._lanes)
        m.submodules.rows = rows = Loop(width=len(walk.rows), final=1)
        m.submodules.columns = columns = Loop(width=len(walk.more_columns), final=0)
        m.submodules.blocks = blocks = Loop(width=len(walk.depth) - lane_bits, final=0)
        last_block, last_column, last_row = blocks.last, columns.last, rows.last
        # Words up to the row, and from there to the word, which begin anew by a reset.
        row_address = Signal(ADDRESS_BITS, reset_less=True)
        in_row = Signal(ADDRESS_BITS, reset_less=True)
        slack = Signal.like(walk.slack, reset_less=True)
        # Byte position of the row's start, of the pixel's, and of the word.
        row_position = Signal(low, reset_less=True)
        pixel_position = Signal(low, reset_less=True)
        position = Signal(low, reset_less=True)
        piece = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(piece)

        # A row that begins in the last words of the ring is followed by one that has wrapped.
        wraps = slack >= 0
        row_step = Mux(wraps, walk.wrapped_stride, walk.row_stride)
        next_row_position = Signal(low)
        next_pixel_position = Signal(low)
        m.d.comb += [
            next_row_position.eq(row_position + walk.row_step),
            next_pixel_position.eq(pixel_position + walk.column_step),
        ]

        count = Signal.like(self.o.payload.bytes)
        reach = Signal(range(self._data_bytes + self._lanes))
        end = Signal()
        m.d.comb += [
            count.eq(Mux(last_block & ~walk.full, walk.depth[:lane_bits], self._lanes)),
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
            pixel_ends.eq(go & last_block),
            row_ends.eq(go & last_block & last_column),
            blocks.load.eq(take),
            # The last word is full, or one more than the full ones.
            blocks.count.eq(walk.depth >> lane_bits),
            blocks.fewer.eq(Mux(take, first.full, walk.full)),
            blocks.single.eq(Mux(take, first.single_block, walk.single_block)),
            blocks.step.eq(go),
            columns.load.eq(take),
            columns.count.eq(walk.more_columns),
            columns.single.eq(Mux(take, first.single_column, walk.single_column)),
            columns.step.eq(pixel_ends),
            rows.load.eq(take),
            rows.count.eq(walk.rows),
            rows.single.eq(Mux(take, first.single_row, walk.single_row)),
            rows.step.eq(row_ends),
        ]
        with m.If(take):
            m.d.sync += [
                walk.eq(first),
                active.eq(1),
                row_address.eq(first.address),
                slack.eq(first.slack),
                *(p.eq(first.position) for p in (row_position, pixel_position, position)),
            ]
        with m.Elif(row_ends):
            m.d.sync += [
                active.eq(~last_row),
                row_address.eq(row_address + row_step),
                # The wrapped stride is negative.
                slack.eq(slack + Cat(row_step, wraps).as_signed()),
                *(p.eq(next_row_position) for p in (row_position, pixel_position, position)),
            ]
        with m.Elif(pixel_ends):
            m.d.sync += [p.eq(next_pixel_position) for p in (pixel_position, position)]
        with m.Elif(go):
            m.d.sync += position.eq(position + self._lanes)
        with m.If(take | row_ends):
            m.d.sync += in_row.eq(0)
        with m.Elif(pixel_ends):
            m.d.sync += in_row.eq(columns.following)
        with m.Elif(go):
            m.d.sync += in_row.eq(in_row + walk.block_stride)
        with m.If(move):
            m.d.sync += self.o.valid.eq(active)
        with m.If(go):
            m.d.sync += [
                piece.target.eq(walk.target),
                piece.address.eq(row_address + in_row),
                piece.position.eq(position),
                piece.bytes.eq(count),
                piece.span.eq(span),
                piece.advance.eq(Mux(end, span, whole)),
                piece.end.eq(end),
                piece.last.eq(last_block & last_column & last_row),
            ]
        return m
