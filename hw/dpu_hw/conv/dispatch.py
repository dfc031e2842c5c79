# SPDX-License-Identifier: Apache-2.0
"""Announces each pass to the weight loader and to the gate of the array."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.conv.layouts import PASS, patch_layout

__all__ = ["Dispatch"]


class Dispatch(wiring.Component):
    """Hand passes to their readers and say in which order they come.

    A pass is announced once, as soon as it is offered: its weights load and its first words are
    read while the pass before still streams.

    Parameters
    ----------
    lanes : :class:`int`
        Channels of a pixel.

    Members
    -------
    i_conv : :py:`In(stream.Signature(PASS))`
        Passes of CONV.
    i_patch : :py:`In(stream.Signature(patch_layout(lanes)))`
        Passes of CONV_PATCH; only one of both is offered at a time.
    o_conv, o_patch
        The same, outwards.
    tiles : :py:`Out(stream.Signature(16))`
        First row of the weights of each pass.
    order : :py:`Out(stream.Signature(1))`
        Whether each pass is one of ``CONV_PATCH``.
    """

    def __init__(self, *, lanes):
        self._lanes = lanes
        super().__init__(
            {
                "i_conv": In(stream.Signature(PASS)),
                "i_patch": In(stream.Signature(patch_layout(lanes))),
                "o_conv": Out(stream.Signature(PASS)),
                "o_patch": Out(stream.Signature(patch_layout(lanes))),
                "tiles": Out(stream.Signature(16)),
                "order": Out(stream.Signature(1)),
            }
        )

    @property
    def lanes(self):
        """Channels of a pixel."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        announced = Signal()
        offered = Signal()
        taken = Signal()
        announce = Signal()
        # Both go into queues, whose ready doesn't depend on valid.
        may_go = Signal()
        m.d.comb += [
            offered.eq(self.i_conv.valid | self.i_patch.valid),
            announce.eq(offered & ~announced & self.tiles.ready & self.order.ready),
            self.tiles.valid.eq(offered & ~announced & self.order.ready),
            self.order.valid.eq(offered & ~announced & self.tiles.ready),
            self.tiles.payload.eq(
                Mux(self.i_patch.valid, self.i_patch.p.weights, self.i_conv.p.weights)
            ),
            self.order.payload.eq(self.i_patch.valid),
            may_go.eq(announced | (self.tiles.ready & self.order.ready)),
        ]
        for i, o in ((self.i_conv, self.o_conv), (self.i_patch, self.o_patch)):
            m.d.comb += [
                o.valid.eq(i.valid & may_go),
                o.payload.eq(i.payload),
                i.ready.eq(o.ready & may_go),
            ]
        m.d.comb += taken.eq(
            (self.o_conv.valid & self.o_conv.ready) | (self.o_patch.valid & self.o_patch.ready)
        )
        with m.If(taken):
            m.d.sync += announced.eq(0)
        with m.Elif(announce):
            m.d.sync += announced.eq(1)
        return m
