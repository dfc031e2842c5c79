# SPDX-License-Identifier: Apache-2.0
"""From accumulators to words."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from dpu_hw.depthwise.layouts import accumulator_layout, output_tag_layout
from dpu_hw.requantize import WordRequantizer, output_layout, scale_layout
from dpu_hw.requantize.layouts import requantizer_output

__all__ = ["Output"]


class Output(wiring.Component):
    """Requantize accumulators with the scales of their blocks.

    Parameters
    ----------
    lanes : :class:`int`
        Lanes of a word.
    parts : :class:`int`
        Parts in which its accumulators come; divides ``lanes``.
    requantizers : :class:`int`
        Values handled each cycle.

    Members
    -------
    context : :py:`In(stream.Signature(output_layout()))`
        Instructions that write, each taken with its last pixel.
    scale : :py:`In(stream.Signature(scale_layout(lanes)))`
        Scales of their blocks, each taken with the block's last pixel.
    i : :py:`In(stream.Signature(accumulator_layout(lanes // parts)))`
        Accumulators, and ends of instructions that don't write.
    o : :py:`Out(stream.Signature(requantizer_output(lanes, output_tag_layout())))`
        The same in int8.
    """

    def __init__(self, *, lanes, parts, requantizers):
        self._lanes = lanes
        self._parts = parts
        self._requantizers = requantizers
        super().__init__(
            {
                "context": In(stream.Signature(output_layout())),
                "scale": In(stream.Signature(scale_layout(lanes))),
                "i": In(stream.Signature(accumulator_layout(lanes // parts))),
                "o": Out(stream.Signature(requantizer_output(lanes, output_tag_layout()))),
            }
        )

    @property
    def lanes(self):
        """Lanes of a word."""
        return self._lanes

    @property
    def parts(self):
        """Parts in which a word's accumulators come."""
        return self._parts

    @property
    def requantizers(self):
        """Values handled each cycle."""
        return self._requantizers

    def elaborate(self, platform):
        m = Module()
        m.submodules.requantizer = requantizer = WordRequantizer(
            lanes=self._lanes,
            items=self._parts,
            requantizers=self._requantizers,
            tag_shape=output_tag_layout(),
        )
        connect(m, requantizer.o, flipped(self.o))

        tag = self.i.p.tag
        usable = Signal()
        written = Signal()
        m.d.comb += [
            usable.eq(~tag.write | (self.scale.valid & self.context.valid)),
            requantizer.i.valid.eq(self.i.valid & usable),
            requantizer.i.p.acc.eq(self.i.p.acc),
            requantizer.i.p.scale.eq(self.scale.p),
            requantizer.i.p.output.eq(self.context.p),
            requantizer.i.p.tag.eq(tag),
            self.i.ready.eq(requantizer.i.ready & usable),
            written.eq(self.i.valid & self.i.ready & tag.write & self.i.p.word_end),
            self.scale.ready.eq(written & tag.flags.block_end),
            self.context.ready.eq(written & tag.flags.end),
        ]
        return m
