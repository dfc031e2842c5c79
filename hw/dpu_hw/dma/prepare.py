# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a LOAD or STORE that is done once, before its loops run."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.axi import ADDRESS_BITS as BUS_BITS
from dpu_hw.dma.layouts import loop_layout, transfer_layout, walk_layout, window_layout
from dpu_spec.isa import WINDOWS

__all__ = ["Prepare", "prepared_layout"]


def prepared_layout(*, data_bytes):
    """Return the layout of a prepared transfer: its side in DRAM and its side on the chip."""
    return data.StructLayout({"loop": loop_layout(), "walk": walk_layout(data_bytes=data_bytes)})


class Prepare(wiring.Component):
    """Fold contiguous loops of a transfer into one and precompute constants.

    Rows that follow each other without a gap become one run, so that its bursts are as long as can
    be. The number of bytes then takes a product, which is computed bit by bit.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.
    data_bytes : :class:`int`
        Bytes of a beat.

    Members
    -------
    windows : :py:`In(window_layout()).array(WINDOWS)`
        The DRAM windows.
    i : :py:`In(stream.Signature(transfer_layout()))`
        Transfers.
    o : :py:`Out(stream.Signature(prepared_layout(data_bytes=data_bytes)))`
        Prepared transfers, two cycles later, or up to 14 where rows fold.
    """

    def __init__(self, *, lanes, data_bytes):
        self._lanes = lanes
        self._data_bytes = data_bytes
        super().__init__(
            {
                "windows": In(window_layout()).array(WINDOWS),
                "i": In(stream.Signature(transfer_layout())),
                "o": Out(stream.Signature(prepared_layout(data_bytes=data_bytes))),
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
        # Nothing but the state needs the reset: each state sets what the next ones look at.
        raw = Signal(transfer_layout(), reset_less=True)
        # The initial value is that of its reset, which flip-flops have but one of.
        more = Signal(BUS_BITS, init=-1, reset_less=True)
        loop, walk = self.o.payload.loop, self.o.payload.walk
        low = exact_log2(self._data_bytes)
        came = self.i.payload
        lane_bits = exact_log2(self._lanes)
        part, full = came.depth[:lane_bits], came.depth[lane_bits:]

        # What the fields say of the loops, known with them.
        one_row = Signal(reset_less=True)
        one_column = Signal(reset_less=True)
        one_block = Signal(reset_less=True)
        same_column = Signal(reset_less=True)
        joined_columns = Signal(reset_less=True)
        joined_rows = Signal(reset_less=True)
        contiguous = Signal()
        merged = Signal()
        m.d.comb += [
            contiguous.eq(one_column | same_column | joined_columns),
            merged.eq(contiguous & (one_row | joined_rows)),
        ]
        more_columns = Signal.like(loop.more_columns, reset_less=True)
        # Words from the ring's beginning to the first row, and from a row to the one that wraps.
        begin = Signal(signed(len(walk.slack)), reset_less=True)
        wrapped = Signal(signed(len(walk.slack)), reset_less=True)
        base = Array([window.base[:low] for window in self.windows])[raw.window]

        # The factors of the product that is still to be added to the number of bytes.
        factor = Signal.like(raw.rows, reset_less=True)
        addend = Signal(BUS_BITS, reset_less=True)
        product = merged & ~one_row
        add = Signal()

        # All of it holds still until it is taken.
        m.d.comb += [
            loop.window.eq(raw.window),
            loop.offset.eq(raw.dram_offset),
            loop.row_step.eq(raw.dram_row_stride),
            loop.column_step.eq(raw.dram_column_stride),
            loop.rows.eq(raw.rows),
            loop.more_columns.eq(more_columns),
            loop.single_row.eq(one_row | merged),
            loop.single_column.eq(contiguous),
            loop.more.eq(more),
            walk.target.eq(raw.target),
            walk.address.eq(raw.address),
            walk.row_stride.eq(raw.row_stride),
            walk.wrapped_stride.eq(wrapped),
            walk.slack.eq(begin + wrapped),
            walk.block_stride.eq(raw.block_stride),
            walk.rows.eq(raw.rows),
            walk.more_columns.eq(more_columns),
            walk.depth.eq(raw.depth),
            walk.full.eq(raw.depth[:lane_bits] == 0),
            walk.single_row.eq(one_row),
            walk.single_column.eq(one_column),
            walk.single_block.eq(one_block),
            walk.position.eq(base + raw.dram_offset[:low]),
            walk.row_step.eq(raw.dram_row_stride),
            walk.column_step.eq(Mux(contiguous, raw.depth, raw.dram_column_stride)),
            walk.pixel_runs.eq(~contiguous),
            walk.row_runs.eq(~merged),
        ]
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [
                    raw.eq(came),
                    factor.eq(came.rows),
                    addend.eq(came.row_bytes),
                    more_columns.eq(came.columns - 1),
                    begin.eq(came.address - came.ring_start),
                    wrapped.eq(came.row_stride - came.ring_words),
                    one_row.eq(came.rows == 1),
                    one_column.eq(came.columns == 1),
                    one_block.eq(Mux(part == 0, full == 1, full == 0)),
                    same_column.eq(came.dram_column_stride == 0),
                    joined_columns.eq(came.dram_column_stride == came.depth),
                    joined_rows.eq(came.dram_row_stride == came.row_bytes),
                ]
                with m.If(self.i.valid):
                    m.next = "SET UP"
            with m.State("SET UP"):
                m.d.comb += add.eq(~product)
                m.next = "DONE"
                with m.If(product):
                    m.next = "MULTIPLY"
            with m.State("MULTIPLY"):
                m.d.comb += add.eq(factor[0])
                m.d.sync += [factor.eq(factor >> 1), addend.eq(addend << 1)]
                with m.If(factor[1:] == 0):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        # Where there is a product, columns are contiguous.
        with m.If(self.i.ready):
            m.d.sync += more.eq(-1)
        with m.Elif(add):
            m.d.sync += more.eq(more + Mux(contiguous, addend, raw.depth))
        return m
