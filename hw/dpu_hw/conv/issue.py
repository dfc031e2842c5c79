# SPDX-License-Identifier: Apache-2.0
"""The gate through which pixels enter the array."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import PIXEL_TAG, pixel_layout
from dpu_hw.layouts import word_layout

__all__ = ["Issue"]


class Issue(wiring.Component):
    """Let pixels into the array, in the order of the passes.

    A pixel waits while its weights aren't there, and while the accumulators are still busy with an
    earlier pixel of the same address (between instructions whose tiles overlap).

    Parameters
    ----------
    lanes : :class:`int`
        Channels of a pixel.
    spacing : :class:`int`
        Fewest cycles between two pixels with the same accumulator.
    patch_reader : :class:`bool`
        There is a patch reader.

    Members
    -------
    conv, patch : :py:`In(stream.Signature(pixel_layout(lanes)))`
        Pixels of the two readers, or of the only one.
    order : :py:`In(stream.Signature(1))`
        For each pass in order, whether the patch reader delivers it.
    loaded : :py:`In(1)`
        The weights of the next pass are there.
    valid : :py:`Out(1)`
        A pixel enters in this cycle.
    pixel : :py:`Out(word_layout(lanes))`
        The pixel.
    tag : :py:`Out(PIXEL_TAG)`
        What goes with it.
    swap : :py:`Out(1)`
        A first pixel enters in this cycle.
    """

    def __init__(self, *, lanes, spacing, patch_reader):
        self._lanes = lanes
        self._spacing = spacing
        self._patch_reader = patch_reader
        readers = ("conv", "patch") if patch_reader else ("conv",)
        super().__init__(
            {
                **{name: In(stream.Signature(pixel_layout(lanes))) for name in readers},
                "order": In(stream.Signature(1)),
                "loaded": In(1),
                "valid": Out(1),
                "pixel": Out(word_layout(lanes)),
                "tag": Out(PIXEL_TAG),
                "swap": Out(1),
            }
        )

    @property
    def lanes(self):
        """Channels of a pixel."""
        return self._lanes

    @property
    def spacing(self):
        """Fewest cycles between two pixels with the same accumulator."""
        return self._spacing

    @property
    def patch_reader(self):
        """There is a patch reader."""
        return self._patch_reader

    def elaborate(self, platform):
        m = Module()
        readers = [self.conv, self.patch] if self._patch_reader else [self.conv]
        # Whose turn it is, by reader.
        turns = [~self.order.payload, self.order.payload] if self._patch_reader else [Const(1)]

        def of_turn(values):
            """Return the value of the reader whose turn it is."""
            first, *others = values
            return Mux(self.order.payload, others[0], first) if others else first

        m.d.comb += [
            self.pixel.eq(of_turn([reader.p.data for reader in readers])),
            self.tag.eq(of_turn([reader.p.tag for reader in readers])),
        ]

        # Both readers' pixels are compared before it is known which of them is next.
        clashes = [Const(0) for _ in readers]
        entered, accumulator = self.valid, self.tag.accumulator
        for i in range(self._spacing - 1):
            recent = Signal(name=f"recent_{i}")
            address = Signal.like(self.tag.accumulator, name=f"recent_accumulator_{i}")
            m.d.sync += recent.eq(entered)
            with m.If(entered):
                m.d.sync += address.eq(accumulator)
            for index, reader in enumerate(readers):
                same = recent & (address == reader.p.tag.accumulator)
                clashes[index] = clashes[index] | same
            entered, accumulator = recent, address

        may_enter = Signal(len(readers))
        for index, reader in enumerate(readers):
            m.d.comb += [
                may_enter[index].eq(
                    reader.valid & (self.loaded | ~reader.p.tag.first) & ~clashes[index]
                ),
                reader.ready.eq(self.order.valid & turns[index] & may_enter[index]),
            ]
        m.d.comb += [
            self.valid.eq(self.order.valid & of_turn(may_enter)),
            self.swap.eq(self.valid & self.tag.first),
            self.order.ready.eq(self.valid & self.tag.last),
        ]
        return m
