# SPDX-License-Identifier: Apache-2.0
"""Sums of kernels that take several instructions."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.depthwise.layouts import (
    WINDOW_SUM,
    accumulator_layout,
    flags_layout,
    sums_layout,
    window_sum_layout,
)

__all__ = ["PartialSums"]


class PartialSums(wiring.Component):
    """Add to partial sums, pixel by pixel, and keep or pass on the results.

    A pixel that is still on its way to the memory holds back another that needs it, which can only
    be the next instruction's.

    Parameters
    ----------
    lanes : :class:`int`
        Sums of a pixel.
    depth : :class:`int`
        Pixels, a power of two.

    Members
    -------
    context : :py:`In(stream.Signature(sums_layout()))`
        Instructions, each taken with its last pixel.
    i : :py:`In(stream.Signature(window_sum_layout(lanes)))`
        Sums to add.
    o : :py:`Out(stream.Signature(accumulator_layout(lanes)))`
        Accumulators of instructions with :py:`last`, and the end of the others, :attr:`latency`
        cycles later.
    """

    latency = 3

    def __init__(self, *, lanes, depth):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        if not isinstance(depth, int) or depth < 2 or depth & (depth - 1):
            raise ValueError(f"Depth must be a power of two of at least two, not {depth!r}")
        self._lanes = lanes
        self._depth = depth
        super().__init__(
            {
                "context": In(stream.Signature(sums_layout())),
                "i": In(stream.Signature(window_sum_layout(lanes))),
                "o": Out(stream.Signature(accumulator_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Sums of a pixel."""
        return self._lanes

    @property
    def depth(self):
        """Pixels."""
        return self._depth

    def elaborate(self, platform):
        m = Module()
        sums = data.ArrayLayout(signed(32), self._lanes)
        m.submodules.memory = storage = memory.Memory(
            shape=sums,
            depth=self._depth,
            init=[],
            # A pixel that is being written isn't read, see `conflict`.
            attrs={"no_rw_check": 1},
        )
        read = storage.read_port()
        write = storage.write_port()
        stage_layout = data.StructLayout(
            {
                "address": range(self._depth),
                "first": 1,
                "last": 1,
                "sums": data.ArrayLayout(WINDOW_SUM, self._lanes),
                "flags": flags_layout(),
            }
        )

        advance = Signal()
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)

        # Pixels have consecutive addresses, from the instruction's on.
        context = self.context.p
        continues = Signal()
        next_address = Signal(range(self._depth))
        address = Signal(range(self._depth))
        m.d.comb += address.eq(Mux(continues, next_address, context.partial_sum))

        # Stage 0 reads, stage 1 takes what was read into a register, stage 2 adds; the sum is
        # written in the cycle after.
        valid = [Signal(name=f"valid_{k}") for k in range(3)]
        stages = [Signal(stage_layout, name=f"stage_{k}") for k in range(2)]
        written = Signal(range(self._depth))
        busy = [
            valid[0] & ~stages[0].last & (stages[0].address == address),
            valid[1] & ~stages[1].last & (stages[1].address == address),
            valid[2] & (written == address),
        ]
        conflict = ~context.first & Cat(busy).any()
        take = Signal()
        m.d.comb += [
            self.i.ready.eq(advance & self.context.valid & ~conflict),
            take.eq(self.i.valid & self.i.ready),
            self.context.ready.eq(take & self.i.p.flags.end),
            read.en.eq(take & ~context.first),
            read.addr.eq(address),
        ]
        with m.If(take):
            m.d.sync += [
                next_address.eq(address + 1),
                continues.eq(~self.i.p.flags.end),
                stages[0].address.eq(address),
                stages[0].first.eq(context.first),
                stages[0].last.eq(context.last),
                stages[0].sums.eq(self.i.p.sums),
                stages[0].flags.eq(self.i.p.flags),
            ]

        kept = Signal(sums)
        result = Signal(sums)
        with m.If(advance):
            m.d.sync += [valid[0].eq(take), valid[1].eq(valid[0])]
            with m.If(valid[0]):
                m.d.sync += stages[1].eq(stages[0])
                m.d.sync += kept.eq(read.data)
            m.d.sync += [
                self.o.valid.eq(valid[1] & (stages[1].last | stages[1].flags.end)),
                valid[2].eq(valid[1] & ~stages[1].last),
            ]
            with m.If(valid[1]):
                for lane in range(self._lanes):
                    # As second operand, the choice goes into the adder's LUTs.
                    old = Mux(stages[1].first, 0, kept[lane])
                    m.d.sync += result[lane].eq(stages[1].sums[lane] + old)
                m.d.sync += [
                    written.eq(stages[1].address),
                    self.o.p.tag.flags.eq(stages[1].flags),
                    self.o.p.tag.write.eq(stages[1].last),
                ]
        # While an end waits here the same sum is written again, which does no harm.
        m.d.comb += [
            write.en.eq(valid[2]),
            write.addr.eq(written),
            write.data.eq(result),
            self.o.p.acc.eq(result),
        ]
        return m
