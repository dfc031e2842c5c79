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

    A pixel's lanes may come in several parts, one after the other. A part that is still on its way
    to the memory holds back another that needs it, which can only be the next instruction's.

    Parameters
    ----------
    lanes : :class:`int`
        Sums of a part.
    depth : :class:`int`
        Pixels, a power of two.
    parts : :class:`int`
        Parts of a pixel, a power of two.

    Members
    -------
    context : :py:`In(stream.Signature(sums_layout()))`
        Instructions, each taken with the last pixel of the one before, or ahead of its first one.
    i : :py:`In(stream.Signature(window_sum_layout(lanes)))`
        Sums to add.
    o : :py:`Out(stream.Signature(accumulator_layout(lanes)))`
        Accumulators of instructions with :py:`last`, and the last pixel of the others,
        :attr:`latency` cycles later.
    """

    latency = 3

    def __init__(self, *, lanes, depth, parts=1):
        if not isinstance(lanes, int) or lanes <= 0:
            raise TypeError(f"Lane count must be a positive integer, not {lanes!r}")
        if not isinstance(depth, int) or depth < 2 or depth & (depth - 1):
            raise ValueError(f"Depth must be a power of two of at least two, not {depth!r}")
        if not isinstance(parts, int) or parts < 1 or parts & (parts - 1):
            raise ValueError(f"Parts must be a power of two, not {parts!r}")
        self._lanes = lanes
        self._depth = depth
        self._parts = parts
        super().__init__(
            {
                "context": In(stream.Signature(sums_layout())),
                "i": In(stream.Signature(window_sum_layout(lanes))),
                "o": Out(stream.Signature(accumulator_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Sums of a part."""
        return self._lanes

    @property
    def depth(self):
        """Pixels."""
        return self._depth

    @property
    def parts(self):
        """Parts of a pixel."""
        return self._parts

    def elaborate(self, platform):
        m = Module()
        depth = self._depth * self._parts
        sums = data.ArrayLayout(signed(32), self._lanes)
        m.submodules.memory = storage = memory.Memory(
            shape=sums,
            depth=depth,
            init=[],
            # What is being written is read only where it isn't taken, see `pending`.
            attrs={"no_rw_check": 1},
        )
        read = storage.read_port()
        write = storage.write_port()
        stage_layout = data.StructLayout(
            {
                "address": range(depth),
                "first": 1,
                "last": 1,
                "sums": data.ArrayLayout(WINDOW_SUM, self._lanes),
                "word_end": 1,
                "flags": flags_layout(),
            }
        )

        advance = Signal()
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)

        # Pixels, and their parts, have consecutive addresses, from the instruction's on.
        context = self.context.p
        loaded = Signal()
        first = Signal()
        last = Signal()
        address = Signal(range(depth))
        address_after = Signal(range(depth))

        # Stage 0 reads, stage 1 takes what was read into a register, stage 2 adds; the sum is
        # written in the cycle after.
        valid = [Signal(name=f"valid_{k}") for k in range(3)]
        stages = [Signal(stage_layout, name=f"stage_{k}", reset_less=True) for k in range(2)]
        written = Signal(range(depth), reset_less=True)
        take = Signal()
        ends = Signal()
        # Bit k: what is in stage k is going to be written to `address`.
        pending = Signal(3)
        m.d.comb += [
            self.i.ready.eq(advance & loaded & (first | ~pending.any())),
            take.eq(self.i.valid & self.i.ready),
            ends.eq(self.i.p.flags.end & self.i.p.word_end),
            self.context.ready.eq(~loaded | (take & ends)),
            # What is read without being taken is of no interest.
            read.en.eq(advance & self.i.valid & ~first),
            read.addr.eq(address),
        ]
        begins = Signal()
        following = Signal(range(depth))
        m.d.comb += [
            begins.eq(~loaded | ends),
            following.eq(Mux(begins, context.partial_sum * self._parts, address_after)),
        ]
        with m.If(~loaded | take):
            m.d.sync += [
                address.eq(following),
                address_after.eq(following + 1),
            ]
            with m.If(begins):
                m.d.sync += [
                    loaded.eq(self.context.valid),
                    first.eq(context.first),
                    last.eq(context.last),
                ]

        # Comparisons are made a cycle ahead, with what the address may become.
        keeps = [
            ~last & (address == following),
            valid[0] & ~stages[0].last & (stages[0].address == following),
            valid[1] & ~stages[1].last & (stages[1].address == following),
            valid[2] & (written == following),
        ]
        with m.If(advance):
            m.d.sync += pending.eq(pending << 1)
            with m.If(~loaded | take):
                m.d.sync += pending.eq(Cat(take & keeps[0], keeps[1], keeps[2]))
        with m.Elif(~loaded):
            m.d.sync += pending.eq(Cat(keeps[1:]))

        # A stage takes what there is, since only `valid` tells whether it's a pixel: `take` comes
        # late.
        kept = Signal(sums, reset_less=True)
        result = Signal(sums, reset_less=True)
        with m.If(advance):
            m.d.sync += [
                valid[0].eq(take),
                stages[0].address.eq(address),
                stages[0].first.eq(first),
                stages[0].last.eq(last),
                stages[0].sums.eq(self.i.p.sums),
                stages[0].word_end.eq(self.i.p.word_end),
                stages[0].flags.eq(self.i.p.flags),
                valid[1].eq(valid[0]),
                stages[1].eq(stages[0]),
                # That a sum begins costs nothing here: it resets the register.
                Value.cast(kept).eq(Mux(stages[0].first, 0, Value.cast(read.data))),
                valid[2].eq(valid[1] & ~stages[1].last),
                written.eq(stages[1].address),
                self.o.valid.eq(valid[1] & (stages[1].last | stages[1].flags.end)),
                self.o.p.word_end.eq(stages[1].word_end),
                self.o.p.tag.flags.eq(stages[1].flags),
                self.o.p.tag.write.eq(stages[1].last),
            ]
            for lane in range(self._lanes):
                m.d.sync += result[lane].eq(stages[1].sums[lane] + kept[lane])
        # While an end waits here the same sum is written again, which does no harm.
        m.d.comb += [
            write.en.eq(valid[2]),
            write.addr.eq(written),
            write.data.eq(result),
            self.o.p.acc.eq(result),
        ]
        return m
