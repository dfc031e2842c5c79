# SPDX-License-Identifier: Apache-2.0
"""Addresses of a DRAIN."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import ACCUMULATOR_BITS
from dpu_hw.conv.ring import ring_step
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_hw.requantize import output_layout
from dpu_hw.turn_counter import TurnCounter
from dpu_spec.isa import DRAIN

__all__ = ["DRAIN_STEP", "DRAIN_TAG", "OutputWalker"]

#: What goes with a word to the scratchpad.
DRAIN_TAG = data.StructLayout({"address": ADDRESS_BITS, "last": 1})

#: A word of accumulators to be drained.
DRAIN_STEP = data.StructLayout(
    {
        "accumulator": ACCUMULATOR_BITS,
        "block": 3,
        "block_end": 1,  # last word of a block
        "output": output_layout(),
        "tag": DRAIN_TAG,
    }
)


class OutputWalker(wiring.Component):
    """Run through blocks, rows and columns of a DRAIN, a word a cycle, without a gap.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_layout(DRAIN)))`
        Instructions.
    o : :py:`Out(stream.Signature(DRAIN_STEP))`
        Words; the first of an instruction comes :attr:`latency` cycles after it.
    """

    i: In(stream.Signature(instruction_layout(DRAIN)))
    o: Out(stream.Signature(DRAIN_STEP))

    #: Cycles from an instruction to its first word.
    latency = 3

    def elaborate(self, platform):
        m = Module()
        i = self.i.payload
        move = Signal()
        m.d.comb += move.eq(~self.o.valid | self.o.ready)

        # Stage 0: the position.
        active = Signal()
        now = Signal.like(i, reset_less=True)
        step_wrapped = Signal(signed(ADDRESS_BITS + 1), reset_less=True)
        row_0 = Signal(ADDRESS_BITS, reset_less=True)
        row = Signal(ADDRESS_BITS, reset_less=True)
        base = Signal(ADDRESS_BITS, reset_less=True)
        accumulator = Signal(ACCUMULATOR_BITS, reset_less=True)
        block = Signal.like(now.blocks, reset_less=True)
        column = Signal.like(now.columns, reset_less=True)
        m.submodules.columns = columns = TurnCounter(width=now.columns.shape().width)
        m.submodules.rows = rows = TurnCounter(width=now.rows.shape().width)
        m.submodules.blocks = blocks = TurnCounter(width=now.blocks.shape().width)
        block_end, end, begins = Signal(), Signal(), Signal()
        m.d.comb += [
            block_end.eq(columns.last & rows.last),
            end.eq(columns.last & rows.last & blocks.last),
            begins.eq(~active | end),
            self.i.ready.eq(move & begins),
            columns.load.eq(self.i.ready),
            columns.count.eq(i.columns),
            columns.step.eq(move),
            rows.load.eq(self.i.ready),
            rows.count.eq(i.rows),
            rows.step.eq(move & columns.last),
            blocks.load.eq(self.i.ready),
            blocks.count.eq(i.blocks),
            blocks.step.eq(move & block_end),
        ]
        # `move` comes late, so that it only enables registers. What they take depends on whether an
        # instruction would begin: if none does, they don't matter.
        with m.If(move):
            with m.If(begins):
                m.d.sync += [
                    active.eq(self.i.valid),
                    now.eq(i),
                    step_wrapped.eq(i.row_stride - i.ring_words),
                    row_0.eq(i.address - i.ring_start),
                    row.eq(i.address - i.ring_start),
                    base.eq(i.ring_start),
                    accumulator.eq(i.accumulator),
                    block.eq(0),
                    column.eq(0),
                ]
            with m.Else():
                m.d.sync += [accumulator.eq(accumulator + 1), column.eq(column + 1)]
                with m.If(columns.last):
                    m.d.sync += [
                        column.eq(0),
                        row.eq(ring_step(m, "row", row, now.row_stride, step_wrapped)),
                    ]
                with m.If(block_end):
                    m.d.sync += [
                        accumulator.eq(now.accumulator),
                        row.eq(row_0),
                        base.eq(base + now.block_stride),
                        block.eq(block + 1),
                    ]

        # Stage 1: the row's address; stage 2, the output: the word's.
        valid_1 = Signal()
        row_1 = Signal(ADDRESS_BITS, reset_less=True)
        column_1 = Signal.like(column, reset_less=True)
        next_1 = Signal(DRAIN_STEP, reset_less=True)
        step = Signal(DRAIN_STEP, reset_less=True)
        m.d.comb += self.o.payload.eq(step)
        with m.If(move):
            m.d.sync += [
                valid_1.eq(active),
                row_1.eq(row + base),
                column_1.eq(column),
                next_1.accumulator.eq(accumulator),
                next_1.block.eq(block),
                next_1.block_end.eq(block_end),
                next_1.output.zero_point.eq(now.out_zero_point),
                next_1.output.minimum.eq(now.minimum),
                next_1.output.maximum.eq(now.maximum),
                next_1.output.mode.eq(now.mode),
                next_1.tag.last.eq(end),
                self.o.valid.eq(valid_1),
                step.eq(next_1),
                step.tag.address.eq(row_1 + column_1),
            ]
        return m
