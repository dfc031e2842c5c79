# SPDX-License-Identifier: Apache-2.0
"""The accumulators: partial sums of a tile of output pixels."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from dpu_hw.conv.array import sum_shape

__all__ = ["Accumulators", "word_address_layout"]


def word_address_layout(blocks, depth):
    """Return the layout of the address of a word: a pixel of ``depth``, a block of its columns."""
    return data.StructLayout({"address": range(depth), "block": range(blocks)})


class Accumulators(wiring.Component):
    """Two banks of int32 for all columns: one of the even pixels, one of the odd ones.

    The convolution adds a pixel each cycle. The drain reads a word of ``lanes`` columns of a pixel
    each cycle, pixel by pixel; it waits while the convolution reads the same bank. Both visit the
    banks by turns, so that after one such wait they go on side by side.

    Parameters
    ----------
    lanes : :class:`int`
        Accumulators in a word that the drain reads.
    columns : :class:`int`
        Columns of the array.
    depth : :class:`int`
        Pixels of both banks together, a power of two.

    Members
    -------
    valid : :py:`In(1)`
        A pixel comes :attr:`lead` cycles later. There must be :attr:`spacing` cycles from a pixel
        to another with the same address.
    clear : :py:`In(1)`
        It overwrites the accumulators.
    address : :py:`In(range(depth))`
        Its address.
    sums : :py:`In(data.ArrayLayout(sum_shape(lanes), columns))`
        The pixel's sums, :attr:`lead` cycles after its address.
    read : :py:`In(stream.Signature(word_address_layout(columns // lanes, depth)))`
        The word that the drain wants.
    word : :py:`Out(data.ArrayLayout(signed(32), lanes))`
        That word, :attr:`read_latency` cycles after the transfer, until the next one's.
    """

    #: Cycles from a pixel's address to its sums.
    lead = 2
    #: Fewest cycles from a pixel to the next with the same address.
    spacing = 4
    #: Cycles from a pixel's address to the cycle before the drain may read it.
    write_latency = 3
    #: Cycles from a transfer of ``read`` to the word.
    read_latency = 2

    def __init__(self, *, lanes, columns, depth):
        self._lanes = lanes
        self._columns = columns
        self._depth = depth
        exact_log2(depth)
        exact_log2(columns // lanes)
        self._banks = tuple(
            memory.Memory(
                shape=unsigned(32 * columns),
                depth=depth // 2,
                init=[],
                # Pixels keep their distance, and tokens keep the drain away from them.
                attrs={"no_rw_check": 1},
            )
            for _ in range(2)
        )
        super().__init__(
            {
                "valid": In(1),
                "clear": In(1),
                "address": In(range(depth)),
                "sums": In(data.ArrayLayout(sum_shape(lanes), columns)),
                "read": In(stream.Signature(word_address_layout(columns // lanes, depth))),
                "word": Out(data.ArrayLayout(signed(32), lanes)),
            }
        )

    @property
    def lanes(self):
        """Accumulators in a word that the drain reads."""
        return self._lanes

    @property
    def columns(self):
        """Columns of the array."""
        return self._columns

    @property
    def depth(self):
        """Pixels of both banks together."""
        return self._depth

    @property
    def banks(self):
        """The two memories, for test benches to look into."""
        return self._banks

    def elaborate(self, platform):
        m = Module()
        layout = data.ArrayLayout(signed(32), self._columns)

        # A convolution that clears needs no read.
        fetch = Signal()
        m.d.comb += [
            fetch.eq(self.valid & ~self.clear),
            self.read.ready.eq(~(fetch & (self.address[0] == self.read.p.address[0]))),
        ]
        taken = self.read.valid & self.read.ready

        # The pixel that is being added: stage 0 comes out of the memory, stage 1 meets its sums,
        # stage 2 is written.
        stages = []
        source = (self.valid, self.clear, self.address)
        for i in range(3):
            stage = (
                Signal(name=f"valid_{i}"),
                Signal(name=f"clear_{i}", reset_less=True),
                Signal.like(self.address, name=f"address_{i}", reset_less=True),
            )
            m.d.sync += stage[0].eq(source[0])
            with m.If(source[0]):
                m.d.sync += [stage[1].eq(source[1]), stage[2].eq(source[2])]
            stages.append(stage)
            source = stage

        total = Signal(layout, reset_less=True)
        outputs = []
        for b, bank in enumerate(self._banks):
            m.submodules[f"bank_{b}"] = bank
            read = bank.read_port()
            write = bank.write_port()
            mine = fetch & (self.address[0] == b)
            m.d.comb += [
                read.en.eq(mine | (taken & (self.read.p.address[0] == b))),
                read.addr.eq(Mux(mine, self.address[1:], self.read.p.address[1:])),
                write.en.eq(stages[2][0] & (stages[2][2][0] == b)),
                write.addr.eq(stages[2][2][1:]),
                write.data.eq(total),
            ]
            outputs.append(read.data)

        # Block RAM is slow to come out, so its output only passes the choice of the bank (and of
        # the block) on the way to a register.
        old = Signal(layout, reset_less=True)
        with m.If(stages[0][0]):
            m.d.sync += Value.cast(old).eq(
                Mux(stages[0][1], 0, Mux(stages[0][2][0], outputs[1], outputs[0]))
            )
        with m.If(stages[1][0]):
            for c in range(self._columns):
                m.d.sync += total[c].eq(old[c] + self.sums[c])

        draining = Signal()
        drained_bank = Signal()
        block = Signal(range(max(2, self._columns // self._lanes)))
        m.d.sync += draining.eq(taken)
        with m.If(taken):
            m.d.sync += [drained_bank.eq(self.read.p.address[0]), block.eq(self.read.p.block)]
        blocks = [
            output.word_select(b, 32 * self._lanes)
            for output in outputs
            for b in range(1 << ceil_log2(self._columns // self._lanes))
        ]
        selector = Cat(block, drained_bank) if self._columns > self._lanes else drained_bank
        chosen = Signal(32 * self._lanes)
        with m.Switch(selector):
            for index, value in enumerate(blocks):
                with m.Case(index):
                    m.d.comb += chosen.eq(value)
        word = Signal.like(self.word, reset_less=True)
        with m.If(draining):
            m.d.sync += Value.cast(word).eq(chosen)
        m.d.comb += self.word.eq(word)
        return m
