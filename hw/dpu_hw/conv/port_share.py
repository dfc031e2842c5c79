# SPDX-License-Identifier: Apache-2.0
"""One scratchpad read port for two readers."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.ports import ReadPortSignature

__all__ = ["PortShare"]


class PortShare(wiring.Component):
    """Let two readers use a port, the first before the second.

    Each reader knows from its own request when its data come. Neither can keep the other waiting
    for good, as both stop asking when what they have read ahead isn't used.

    Parameters
    ----------
    lanes : :class:`int`
        Bytes of a word.

    Members
    -------
    readers : :py:`In(ReadPortSignature(lanes=lanes)).array(2)`
        From the readers.
    port : :py:`Out(ReadPortSignature(lanes=lanes))`
        To the scratchpad.
    """

    def __init__(self, *, lanes):
        self._lanes = lanes
        super().__init__(
            {
                "readers": In(ReadPortSignature(lanes=lanes)).array(2),
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
        turn = Signal()
        m.d.comb += [
            turn.eq(~first.valid | held),
            self.port.request.valid.eq(first.valid | second.valid),
            self.port.request.payload.eq(Mux(turn, second.payload, first.payload)),
            first.ready.eq(self.port.request.ready & ~turn),
            second.ready.eq(self.port.request.ready & turn),
        ]
        m.d.sync += held.eq(turn & second.valid & ~self.port.request.ready)
        for reader in (self.readers[0], self.readers[1]):
            m.d.comb += reader.data.eq(self.port.data)
        return m
