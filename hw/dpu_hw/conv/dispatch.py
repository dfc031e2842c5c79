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
    patch_reader : :class:`bool`
        There are passes of CONV_PATCH, too.

    Members
    -------
    i_conv : :py:`In(stream.Signature(PASS))`
        Passes of CONV.
    i_patch : :py:`In(stream.Signature(patch_layout(lanes)))`
        Passes of CONV_PATCH; only one of both is offered at a time. Not there without
        ``patch_reader``.
    o_conv, o_patch
        The same, outwards.
    tiles : :py:`Out(stream.Signature(16))`
        First row of the weights of each pass.
    order : :py:`Out(stream.Signature(1))`
        Whether each pass is one of ``CONV_PATCH``.
    """

    def __init__(self, *, lanes, patch_reader):
        self._lanes = lanes
        self._patch_reader = patch_reader
        passes = {"conv": PASS}
        if patch_reader:
            passes["patch"] = patch_layout(lanes)
        super().__init__(
            {
                **{f"i_{name}": In(stream.Signature(shape)) for name, shape in passes.items()},
                **{f"o_{name}": Out(stream.Signature(shape)) for name, shape in passes.items()},
                "tiles": Out(stream.Signature(16)),
                "order": Out(stream.Signature(1)),
            }
        )

    @property
    def lanes(self):
        """Channels of a pixel."""
        return self._lanes

    @property
    def patch_reader(self):
        """There are passes of CONV_PATCH, too."""
        return self._patch_reader

    def elaborate(self, platform):
        m = Module()
        announced = Signal()
        offered = Signal()
        taken = Signal()
        announce = Signal()
        ways = [(self.i_conv, self.o_conv)]
        valid, weights, patch = self.i_conv.valid, self.i_conv.p.weights, C(0)
        if self._patch_reader:
            ways.append((self.i_patch, self.o_patch))
            patch = self.i_patch.valid
            valid, weights = valid | patch, Mux(patch, self.i_patch.p.weights, weights)
        # Both go into queues, whose ready doesn't depend on valid.
        may_go = Signal()
        m.d.comb += [
            offered.eq(valid),
            announce.eq(offered & ~announced & self.tiles.ready & self.order.ready),
            self.tiles.valid.eq(offered & ~announced & self.order.ready),
            self.order.valid.eq(offered & ~announced & self.tiles.ready),
            self.tiles.payload.eq(weights),
            self.order.payload.eq(patch),
            may_go.eq(announced | (self.tiles.ready & self.order.ready)),
        ]
        for i, o in ways:
            m.d.comb += [
                o.valid.eq(i.valid & may_go),
                o.payload.eq(i.payload),
                i.ready.eq(o.ready & may_go),
            ]
        m.d.comb += taken.eq(Cat(o.valid & o.ready for _, o in ways).any())
        with m.If(taken):
            m.d.sync += announced.eq(0)
        with m.Elif(announce):
            m.d.sync += announced.eq(1)
        return m
