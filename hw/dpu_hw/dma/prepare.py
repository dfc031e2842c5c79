# SPDX-License-Identifier: Apache-2.0
"""The arithmetic of a LOAD or STORE that is done once, before its loops run."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

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
        prepared = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(prepared)
        loop, walk = prepared.loop, prepared.walk
        low = exact_log2(self._data_bytes)

        # What the fields say of the loops, known with them.
        one_row = Signal()
        one_column = Signal()
        same_column = Signal()
        joined_columns = Signal()
        joined_rows = Signal()
        contiguous = Signal()
        merged = Signal()
        m.d.comb += [
            contiguous.eq(one_column | same_column | joined_columns),
            merged.eq(contiguous & (one_row | joined_rows)),
        ]
        more_rows = (raw.rows - 1)[: len(loop.more_rows)]
        more_columns = (raw.columns - 1)[: len(loop.more_columns)]
        before = (raw.depth - 1)[: len(raw.depth)]
        lane_bits = exact_log2(self._lanes)
        base = Array([window.base for window in self.windows])[raw.window]
        ring_end = raw.ring_start + raw.ring_words

        # The factors of the product that is still to be added to the number of bytes.
        factor = Signal.like(raw.rows, reset_less=True)
        addend = Signal.like(loop.bytes, reset_less=True)

        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += self.i.ready.eq(1)
                came = self.i.payload
                m.d.sync += [
                    raw.eq(came),
                    one_row.eq(came.rows == 1),
                    one_column.eq(came.columns == 1),
                    same_column.eq(came.dram_column_stride == 0),
                    joined_columns.eq(came.dram_column_stride == came.depth),
                    joined_rows.eq(came.dram_row_stride == came.row_bytes),
                ]
                with m.If(self.i.valid):
                    m.next = "SET UP"
            with m.State("SET UP"):
                m.d.sync += [
                    loop.window.eq(raw.window),
                    loop.offset.eq(raw.dram_offset),
                    loop.row_step.eq(raw.dram_row_stride),
                    loop.column_step.eq(raw.dram_column_stride),
                    loop.more_rows.eq(Mux(merged, 0, more_rows)),
                    loop.more_columns.eq(Mux(contiguous, 0, more_columns)),
                    loop.bytes.eq(
                        Mux(~contiguous, raw.depth, Mux(merged & ~one_row, 0, raw.row_bytes))
                    ),
                    walk.target.eq(raw.target),
                    walk.address.eq(raw.address),
                    walk.row_stride.eq(raw.row_stride),
                    walk.wrapped_stride.eq(raw.row_stride - raw.ring_words),
                    walk.limit.eq(ring_end - raw.row_stride),
                    walk.block_stride.eq(raw.block_stride),
                    walk.more_rows.eq(more_rows),
                    walk.more_columns.eq(more_columns),
                    walk.more_blocks.eq(before >> lane_bits),
                    walk.tail.eq(before[:lane_bits] + 1),
                    walk.position.eq(base[:low] + raw.dram_offset[:low]),
                    walk.row_step.eq(raw.dram_row_stride),
                    walk.column_step.eq(Mux(contiguous, raw.depth, raw.dram_column_stride)),
                    walk.pixel_runs.eq(~contiguous),
                    walk.row_runs.eq(~merged),
                    factor.eq(raw.rows),
                    addend.eq(raw.row_bytes),
                ]
                with m.If(merged & ~one_row):
                    m.next = "MULTIPLY"
                with m.Else():
                    m.next = "DONE"
            with m.State("MULTIPLY"):
                with m.If(factor[0]):
                    m.d.sync += loop.bytes.eq(loop.bytes + addend)
                m.d.sync += [factor.eq(factor >> 1), addend.eq(addend << 1)]
                with m.If(factor[1:] == 0):
                    m.next = "DONE"
            with m.State("DONE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        return m
