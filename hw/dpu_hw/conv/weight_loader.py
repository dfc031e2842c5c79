# SPDX-License-Identifier: Apache-2.0
"""Loads tiles of weights into the array behind the computation."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

__all__ = ["WeightLoader"]


class WeightLoader(wiring.Component):
    """Read the rows of a tile from the weight buffer and load them into the shadow weights.

    A tile is read in ``lanes`` successive cycles. The next one starts once the array has taken
    this one, so that there is a tile in the shadow, or on its way there, at any time.

    Parameters
    ----------
    lanes : :class:`int`
        Rows of a tile.
    rows : :class:`int`
        Rows of the weight buffer, a power of two.
    latency : :class:`int`
        Cycles that the weight buffer takes for a row.

    Members
    -------
    tiles : :py:`In(stream.Signature(16))`
        First row of each tile, in the order of the passes.
    address : :py:`Out(range(rows))`
        Row that is read.
    enable : :py:`Out(1)`
        It is read in this cycle.
    load : :py:`Out(1)`
        The weight buffer shows the first row of a tile.
    loaded : :py:`Out(1)`
        The first pixel of a pass may enter the array.
    swap : :py:`In(1)`
        It does so in this cycle.
    """

    def __init__(self, *, lanes, rows, latency):
        exact_log2(rows)
        if not 1 <= latency < lanes:
            raise ValueError(f"Latency must be from 1 to {lanes - 1} cycles, not {latency!r}")
        self._lanes = lanes
        self._rows = rows
        self._latency = latency
        super().__init__(
            {
                "tiles": In(stream.Signature(16)),
                "address": Out(range(rows)),
                "enable": Out(1),
                "load": Out(1),
                "loaded": Out(1),
                "swap": In(1),
            }
        )

    @property
    def lanes(self):
        """Rows of a tile."""
        return self._lanes

    @property
    def rows(self):
        """Rows of the weight buffer."""
        return self._rows

    @property
    def latency(self):
        """Cycles that the weight buffer takes for a row."""
        return self._latency

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self._lanes + 1))
        first = Signal()
        # A tile is on its way or in the shadow, and not yet swapped.
        taken = Signal()

        m.d.comb += [
            self.enable.eq(left != 0),
            self.tiles.ready.eq(~taken & (left <= 1)),
        ]
        m.d.sync += first.eq(0)
        with m.If(left != 0):
            m.d.sync += [left.eq(left - 1), self.address.eq(self.address + 1)]
        with m.If(self.swap):
            m.d.sync += [taken.eq(0), self.loaded.eq(0)]
        with m.If(self.tiles.valid & self.tiles.ready):
            m.d.sync += [
                left.eq(self._lanes),
                self.address.eq(self.tiles.payload),
                first.eq(1),
                taken.eq(1),
            ]

        # The swap may enter the array in the same cycle as the first row of weights.
        line = [first]
        for i in range(self._latency):
            stage = Signal(name=f"first_{i}")
            m.d.sync += stage.eq(line[-1])
            line.append(stage)
        m.d.comb += self.load.eq(line[-1])
        with m.If(line[-2]):
            m.d.sync += self.loaded.eq(1)
        return m
