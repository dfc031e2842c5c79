# SPDX-License-Identifier: Apache-2.0
"""Writing of words into the scratchpad."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import output_tag_layout, write_view_layout
from dpu_hw.ports import ADDRESS_BITS, WritePortSignature
from dpu_hw.requantize.layouts import requantizer_output

__all__ = ["Writer"]


class Writer(wiring.Component):
    """Write the pixels of instructions to where they belong, and tell when an instruction is done.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    address_bits : :class:`int`
        Bits that tell the words of the scratchpad apart.

    Members
    -------
    context : :py:`In(stream.Signature(write_view_layout(address_bits)))`
        Instructions that write. The first row's address lies in its ring.
    i : :py:`In(stream.Signature(requantizer_output(lanes, output_tag_layout())))`
        Words in the order of blocks, rows and columns.
    write : :py:`Out(WritePortSignature(lanes=lanes))`
        The scratchpad.
    done : :py:`Out(1)`
        A pulse for each instruction, in order, from the cycle after its last write on.
    """

    def __init__(self, *, lanes, address_bits=ADDRESS_BITS):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        self._lanes = lanes
        self._address_bits = address_bits
        super().__init__(
            {
                "context": In(stream.Signature(write_view_layout(address_bits))),
                "i": In(stream.Signature(requantizer_output(lanes, output_tag_layout()))),
                "write": Out(WritePortSignature(lanes=lanes)),
                "done": Out(1),
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
        bits = self._address_bits
        request = self.write.request
        address = Signal(bits, reset_less=True)
        word = Signal(request.p.data.shape(), reset_less=True)
        m.d.comb += [request.p.address.eq(address), request.p.data.eq(word)]
        tag = self.i.p.tag

        loaded = Signal()
        start = Signal(bits, reset_less=True)  # address of the first row
        row = Signal(bits, reset_less=True)  # address of the present row
        row_step = Signal(bits, reset_less=True)
        # Less the ring, for rows at row_limit or above.
        row_step_wrapped = Signal(bits, reset_less=True)
        row_limit = Signal(bits + 1, reset_less=True)
        block_step = Signal(bits, reset_less=True)
        block_offset = Signal(bits, reset_less=True)
        offset = Signal(bits, reset_less=True)  # from the row to the next word

        # `free` comes late, so that it only enables registers.
        free = Signal()
        take = Signal()
        moves = Signal()
        begins = Signal()
        m.d.comb += [
            free.eq(~request.valid | request.ready),
            self.i.ready.eq(free & (loaded | ~tag.write)),
            take.eq(self.i.valid & self.i.ready),
            moves.eq(~loaded | (take & tag.write)),
            begins.eq(~loaded | tag.flags.end),
            self.context.ready.eq(moves & begins),
        ]

        view = self.context.p
        with m.If(moves):
            with m.If(begins):
                m.d.sync += [
                    loaded.eq(self.context.valid),
                    start.eq(view.out_address),
                    row.eq(view.out_address),
                    row_step.eq(view.out_row_stride),
                    row_step_wrapped.eq(view.out_row_stride - view.out_ring_words),
                    row_limit.eq(view.out_ring_start + view.out_ring_words - view.out_row_stride),
                    block_step.eq(view.out_block_stride),
                    block_offset.eq(0),
                    offset.eq(0),
                ]
            with m.Else():
                m.d.sync += offset.eq(offset + 1)
                with m.If(tag.flags.row_end):
                    # Both sums are formed at once, so that no adder follows the comparison.
                    m.d.sync += [
                        offset.eq(block_offset),
                        row.eq(Mux(row >= row_limit, row + row_step_wrapped, row + row_step)),
                    ]
                with m.If(tag.flags.block_end):
                    next_offset = block_offset + block_step
                    m.d.sync += [
                        offset.eq(next_offset),
                        block_offset.eq(next_offset),
                        row.eq(start),
                    ]

        # The end of an instruction that doesn't write follows the last write before it by a cycle,
        # so that each has a pulse of its own.
        ends = Signal()
        passes = Signal()
        m.d.sync += [
            passes.eq(take & ~tag.write & tag.flags.end),
            self.done.eq((request.valid & request.ready & ends) | passes),
        ]
        with m.If(free):
            m.d.sync += [
                request.valid.eq(take & tag.write),
                address.eq(row + offset),
                word.eq(self.i.p.data),
                ends.eq(tag.flags.end),
            ]
        return m
