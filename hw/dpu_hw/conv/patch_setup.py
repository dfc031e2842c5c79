# SPDX-License-Identifier: Apache-2.0
"""Prepares a CONV_PATCH for the patch reader."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.conv.layouts import POSITION, patch_layout
from dpu_hw.conv.product import Product
from dpu_hw.conv.ring import ring_step
from dpu_hw.layouts import instruction_layout
from dpu_hw.ports import ADDRESS_BITS
from dpu_spec.isa import CONV_PATCH, PATCH_SEGMENTS

__all__ = ["PatchSetup"]


class PatchSetup(wiring.Component):
    """Work out what the words are that each segment reads of a row.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.

    Members
    -------
    i : :py:`In(stream.Signature(instruction_layout(CONV_PATCH)))`
        The instruction; taken a cycle after its prepared form.
    o : :py:`Out(stream.Signature(patch_layout(lanes)))`
        The same, prepared, :attr:`latency` cycles later.
    """

    #: Cycles from an instruction to its prepared form.
    latency = 8

    def __init__(self, *, lanes):
        exact_log2(lanes)
        self._lanes = lanes
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(CONV_PATCH))),
                "o": Out(stream.Signature(patch_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        i, o = self.i.payload, self.o.payload
        count = Signal(range(self.latency + 1))
        start = Signal()
        # The reader's readiness comes late: it ends here.
        taken = Signal()
        m.d.sync += taken.eq(self.o.valid & self.o.ready)
        # The instruction holds still until it is taken, so that the registers below need no
        # control: after `latency` cycles all of them have settled.
        m.d.comb += [
            start.eq(self.i.valid & (count == 0)),
            self.i.ready.eq(taken),
        ]
        with m.If(self.i.ready):
            m.d.sync += count.eq(0)
        with m.Elif(self.i.valid & (count != self.latency)):
            m.d.sync += [count.eq(count + 1), self.o.valid.eq(count == self.latency - 1)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        for name in (
            "rows",
            "columns",
            "stride_y",
            "step",
            "ring_words",
            "height",
            "zero_point",
            "accumulator",
            "clear",
            "weights",
        ):
            m.d.comb += o[name].eq(i[name])

        m.submodules.row_step = row_step = Product(
            width=ADDRESS_BITS, value_bits=ADDRESS_BITS, factor_bits=4
        )
        m.submodules.extent = extent = Product(width=18, value_bits=10, factor_bits=8)
        m.d.comb += [
            row_step.start.eq(start),
            row_step.value.eq(i.row_stride),
            row_step.factor.eq(i.stride_y),
            o.row_step.eq(row_step.product),
            extent.start.eq(start),
            extent.value.eq(i.columns - 1),
            extent.factor.eq(i.step),
        ]
        row_0 = Signal(ADDRESS_BITS, reset_less=True)
        m.d.sync += row_0.eq(i.address - i.ring_start)

        end_before = Const(0)
        lanes_before = Const(0, self._lanes)
        for s in range(PATCH_SEGMENTS):
            end_before, lanes_before = self._segment(
                m, s, start, row_0, extent.product, end_before, lanes_before
            )
        return m

    def _segment(self, m, s, start, row_0, extent, end_before, lanes_before):
        """Prepare segment ``s``; return where it ends and all lanes up to there."""
        i, segment = self.i.payload, self.o.payload.segments[s]
        word_bits = exact_log2(self._lanes)

        end = Signal(range(self._lanes + 1), name=f"end_{s}", reset_less=True)
        m.d.sync += end.eq(Mux(i[f"end_{s}"] > self._lanes, self._lanes, i[f"end_{s}"]))
        lanes = Cat(lane < end for lane in range(self._lanes))
        mask = Signal(self._lanes, name=f"mask_{s}", reset_less=True)
        m.d.sync += mask.eq(lanes & ~lanes_before)
        m.d.comb += segment.mask.eq(mask)

        # Row.
        m.submodules[f"dy_{s}"] = dy = Product(
            width=ADDRESS_BITS, value_bits=ADDRESS_BITS, factor_bits=7
        )
        m.d.comb += [
            dy.start.eq(start),
            dy.value.eq(i.row_stride),
            dy.factor.eq(i[f"dy_{s}"]),
        ]
        dy_wrapped = Signal(signed(ADDRESS_BITS + 1), name=f"dy_wrapped_{s}", reset_less=True)
        y = Signal.like(segment.y, name=f"y_{s}", reset_less=True)
        next_y = Signal.like(segment.y, name=f"next_y_{s}", reset_less=True)
        inside_y = Signal(name=f"inside_y_{s}")
        inside_next_y = Signal(name=f"inside_next_y_{s}")
        row = Signal(ADDRESS_BITS, name=f"row_{s}", reset_less=True)
        m.d.sync += [
            y.eq(i.y0 + i[f"dy_{s}"]),
            next_y.eq(y + i.stride_y),
            inside_y.eq(y.as_unsigned() < i.height),
            inside_next_y.eq(next_y.as_unsigned() < i.height),
            dy_wrapped.eq(dy.product - i.ring_words),
            row.eq(ring_step(m, f"row_step_{s}", row_0, dy.product, dy_wrapped)),
        ]
        m.d.comb += [
            segment.y.eq(y),
            segment.inside_y.eq(inside_y),
            segment.next_y.eq(next_y),
            segment.inside_next_y.eq(inside_next_y),
            segment.row.eq(row),
        ]

        # First word, and all that is relative to it.
        low = Signal(POSITION, name=f"low_{s}", reset_less=True)
        first_word = Signal(POSITION, name=f"first_word_{s}", reset_less=True)
        base_0 = Signal(ADDRESS_BITS, name=f"base_0_{s}", reset_less=True)
        base = Signal(ADDRESS_BITS, name=f"base_{s}", reset_less=True)
        position = Signal(POSITION, name=f"position_{s}", reset_less=True)
        first = Signal(POSITION, name=f"first_{s}", reset_less=True)
        above = Signal(POSITION, name=f"above_{s}", reset_less=True)
        next_above = Signal(POSITION, name=f"next_above_{s}", reset_less=True)
        inside = Signal(POSITION, name=f"inside_{s}", reset_less=True)
        m.d.sync += [
            low.eq(i[f"start_{s}"] + end_before),
            first_word.eq(Mux(low < 0, 0, low >> word_bits)),
            base_0.eq(i.ring_start + i[f"offset_{s}"]),
            base.eq(base_0 + first_word),
            position.eq(i[f"start_{s}"] - (first_word << word_bits)),
            first.eq(position + end_before),
            above.eq(position + (end + (self._lanes - 1))),
            next_above.eq(above + i.step),
            inside.eq(i.row_bytes - i[f"start_{s}"]),
        ]
        m.d.comb += [
            segment.base.eq(base),
            segment.position.eq(position),
            segment.first.eq(first),
            segment.above.eq(above),
            segment.next_above.eq(next_above),
            segment.inside.eq(inside),
        ]

        # Last word. Bytes beyond the row are not read.
        high_0 = Signal(POSITION, name=f"high_0_{s}", reset_less=True)
        high = Signal(POSITION, name=f"high_{s}", reset_less=True)
        last_byte = Signal(POSITION, name=f"last_byte_{s}", reset_less=True)
        last_word = Signal(POSITION, name=f"last_word_{s}", reset_less=True)
        words = Signal.like(segment.words, name=f"words_{s}", reset_less=True)
        count = Signal(POSITION, name=f"count_{s}")
        m.d.comb += count.eq(last_word - first_word + 1)
        m.d.sync += [
            high_0.eq(i[f"start_{s}"] + end - 1),
            high.eq(high_0 + extent),
            last_byte.eq(i.row_bytes - 1),
            last_word.eq(Mux(high < last_byte, high, last_byte) >> word_bits),
            words.eq(Mux((last_word >= first_word) & (mask != 0), count, 0)),
        ]
        m.d.comb += segment.words.eq(words)
        return end, lanes | lanes_before
