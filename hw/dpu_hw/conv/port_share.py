# SPDX-License-Identifier: Apache-2.0
"""One scratchpad read port for two readers."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import ReadPortSignature

__all__ = ["PortShare"]


class PortShare(wiring.Component):
    """Let two readers use a port.

    Each reader knows from its own request when its data come. Neither can keep the other waiting
    for good, as both stop asking when what they have read ahead isn't used; the one whose pixels
    are wanted now should come first.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.

    Members
    -------
    readers : :py:`In(ReadPortSignature(lanes=lanes)).array(2)`
        From the readers.
    prefer : :py:`In(1)`
        The reader that comes first.
    port : :py:`Out(ReadPortSignature(lanes=lanes))`
        To the scratchpad.
    """

    def __init__(self, *, lanes):
        self._lanes = lanes
        super().__init__(
            {
                "readers": In(ReadPortSignature(lanes=lanes)).array(2),
                "prefer": In(1),
                "port": Out(ReadPortSignature(lanes=lanes)),
            }
        )

    @property
    def lanes(self):
        """Bytes of a word."""
        return self._lanes

    def elaborate(self, platform):
        m = Module()
        first, second = self.readers[0].request, self.readers[1].request
        # A request that was refused keeps its place: it may not change before it is granted.
        held = Signal()
        holder = Signal()
        turn = Signal()
        with m.If(held):
            m.d.comb += turn.eq(holder)
        with m.Elif(self.prefer):
            m.d.comb += turn.eq(second.valid)
        with m.Else():
            m.d.comb += turn.eq(~first.valid)
        m.d.comb += [
            self.port.request.valid.eq(first.valid | second.valid),
            self.port.request.payload.eq(Mux(turn, second.payload, first.payload)),
            first.ready.eq(self.port.request.ready & ~turn),
            second.ready.eq(self.port.request.ready & turn),
        ]
        m.d.sync += [
            held.eq(self.port.request.valid & ~self.port.request.ready),
            holder.eq(turn),
        ]
        for reader in (self.readers[0], self.readers[1]):
            m.d.comb += reader.data.eq(self.port.data)
        return m
