# SPDX-License-Identifier: Apache-2.0
"""Weights and scales of the depthwise engine."""

from amaranth import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import exact_log2

from dpu_hw.depthwise.block_walker import BlockWalker
from dpu_hw.depthwise.layouts import TAPS, blocks_layout
from dpu_hw.layouts import word_layout
from dpu_hw.ports import BufferWriteSignature
from dpu_hw.requantize import BlockLoader, ScaleLoader, scale_layout

__all__ = ["ParameterBuffer"]


class ParameterBuffer(wiring.Component):
    """Hold parameters and hand them out block by block, the next ones while the present are used.

    Even and odd words are in separate memories. Weights and scales are nine words each, one after
    the other, so that reading both in step never meets in one of them: a block takes ten cycles,
    not twenty.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    words : :class:`int`
        Words of the buffer, a power of two.

    Members
    -------
    load : :py:`In(BufferWriteSignature(lanes=lanes))`
        Writes.
    weight_blocks : :py:`In(stream.Signature(blocks_layout(exact_log2(words))))`
        Instructions, for their weights.
    scale_blocks : :py:`In(stream.Signature(blocks_layout(exact_log2(words))))`
        Instructions with :py:`last`, for their scales.
    weights : :py:`Out(stream.Signature(data.ArrayLayout(word_layout(lanes), 9)))`
        Weights of the present block; a transfer ends it.
    scale : :py:`Out(stream.Signature(scale_layout(lanes)))`
        Scales of the present block; a transfer ends it.
    """

    def __init__(self, *, lanes, words):
        if not isinstance(words, int) or words < 4 or words & (words - 1):
            raise ValueError(f"Words must be a power of two of at least four, not {words!r}")
        self._lanes = lanes
        self._words = words
        super().__init__(
            {
                "load": In(BufferWriteSignature(lanes=lanes)),
                "weight_blocks": In(stream.Signature(blocks_layout(exact_log2(words)))),
                "scale_blocks": In(stream.Signature(blocks_layout(exact_log2(words)))),
                "weights": Out(stream.Signature(data.ArrayLayout(word_layout(lanes), TAPS))),
                "scale": Out(stream.Signature(scale_layout(lanes))),
            }
        )

    @property
    def lanes(self):
        """Lanes of a word."""
        return self._lanes

    @property
    def words(self):
        """Words of the buffer."""
        return self._words

    def elaborate(self, platform):
        m = Module()
        word_bits = 8 * self._lanes
        address_bits = exact_log2(self._words)

        m.submodules.weight_walker = weight_walker = BlockWalker(
            offset=0, address_bits=address_bits
        )
        m.submodules.scale_walker = scale_walker = BlockWalker(
            offset=TAPS, address_bits=address_bits
        )
        m.submodules.weight_loader = weight_loader = BlockLoader(
            words=TAPS, word_bits=word_bits, address_bits=address_bits
        )
        m.submodules.scale_loader = scale_loader = ScaleLoader(
            lanes=self._lanes, address_bits=address_bits
        )
        connect(m, flipped(self.weight_blocks), weight_walker.i)
        connect(m, flipped(self.scale_blocks), scale_walker.i)
        connect(m, scale_loader.scale, flipped(self.scale))
        m.d.comb += [
            self.weights.valid.eq(weight_loader.o.valid),
            self.weights.payload.eq(weight_loader.o.payload),
            weight_loader.o.ready.eq(self.weights.ready),
        ]

        # Each run of nine reads alternates between the memories, so two runs collide in all words
        # or in none: whether they do is decided when one starts. If both want to, weights go first.
        loaders = (weight_loader, scale_loader)
        walkers = (weight_walker, scale_walker)
        blocks, starts = [], []
        for name, loader, walker in zip(("weight", "scale"), loaders, walkers, strict=True):
            block = Signal(name=f"{name}_blocked")
            start = Signal(name=f"{name}_starts")
            m.d.comb += [
                loader.request.payload.eq(walker.o.payload),
                loader.request.valid.eq(walker.o.valid & ~block),
                walker.o.ready.eq(loader.request.ready & ~block),
                start.eq(loader.request.valid & loader.request.ready),
            ]
            blocks.append(block)
            starts.append(start)
        # Lowest bits of addresses. Those of a loader's output would depend on whether it starts.
        weight_odd, scale_odd = (walker.o.payload[0] for walker in walkers)
        m.d.comb += [
            blocks[0].eq(scale_loader.reading & (weight_odd == scale_loader.next_odd)),
            blocks[1].eq(
                Mux(
                    weight_loader.reading,
                    scale_odd == weight_loader.next_odd,
                    starts[0] & (scale_odd == weight_odd),
                )
            ),
        ]
        weight_reads = Signal()
        weight_reads_odd = Signal()
        m.d.comb += [
            weight_reads.eq(weight_loader.reading | starts[0]),
            weight_reads_odd.eq(Mux(weight_loader.reading, weight_loader.next_odd, weight_odd)),
        ]

        # Which memory a loader's word comes from.
        selects = []
        for name, loader in zip(("weight", "scale"), loaders, strict=True):
            select = Signal(name=f"{name}_select")
            m.d.sync += select.eq(loader.address[0])
            selects.append(select)
        outputs = []
        for parity in range(2):
            storage = memory.Memory(
                shape=word_bits,
                depth=self._words // 2,
                init=[],
                # Tokens keep loads away from the parameters that are read.
                attrs={"no_rw_check": 1},
            )
            m.submodules["odd" if parity else "even"] = storage
            write = storage.write_port()
            read = storage.read_port()
            m.d.comb += [
                write.addr.eq(self.load.payload.address[1:address_bits]),
                write.data.eq(self.load.payload.data.as_value()),
                write.en.eq(self.load.valid & (self.load.payload.address[0] == parity)),
            ]
            m.d.comb += read.addr.eq(
                Mux(
                    weight_reads & (weight_reads_odd == parity),
                    weight_loader.address[1:],
                    scale_loader.address[1:],
                )
            )
            outputs.append(read.data)
        for loader, select in zip(loaders, selects, strict=True):
            m.d.comb += loader.data.eq(Mux(select, outputs[1], outputs[0]))
        return m
