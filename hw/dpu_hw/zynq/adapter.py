# SPDX-License-Identifier: Apache-2.0
"""One AXI4 port on the AXI3 ports of a Zynq-7000."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.axi import Axi4Signature
from dpu_hw.zynq.axi3 import Axi3Signature
from dpu_hw.zynq.chunks import Geometry
from dpu_hw.zynq.reads import Reads
from dpu_hw.zynq.writes import Writes

__all__ = ["Axi3Adapter"]


class Axi3Adapter(wiring.Component):
    """Carry an AXI4 port's bursts over as many AXI3 ports as its width takes.

    A bus of 16 bytes takes two ports of 8, which work at once; see
    :class:`dpu_hw.zynq.chunks.Geometry`. Bursts are increments of whole beats. Those of the bus are
    answered in order, as AXI4 asks for without identifiers. Nothing is assumed of when a port is
    ready or answers, nor of the ports' order among each other.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the bus in bytes: 4, 8 or 16.

    Members
    -------
    axi : :py:`In(Axi4Signature(data_bytes=data_bytes))`
        The bus.
    ports : :py:`Out(Axi3Signature(data_bytes=min(data_bytes, 8))).array(...)`
        One port, or two for 16 bytes.
    """

    def __init__(self, *, data_bytes):
        self._geometry = geometry = Geometry(data_bytes=data_bytes)
        port = Axi3Signature(data_bytes=geometry.port_bytes)
        super().__init__(
            {
                "axi": In(Axi4Signature(data_bytes=data_bytes)),
                "ports": Out(port).array(geometry.ports),
            }
        )

    @property
    def geometry(self):
        """Widths, and the number of ports."""
        return self._geometry

    def elaborate(self, platform):
        m = Module()
        m.submodules.reads = reads = Reads(geometry=self._geometry)
        m.submodules.writes = writes = Writes(geometry=self._geometry)
        for half in (reads, writes):
            _carry(m, half.axi, self.axi, half.axi.signature.members)
            for inner, own in zip(half.ports, self.ports, strict=True):
                members = inner.signature.members
                _carry(
                    m, inner, own, [name for name in members if _is_read(name) == (half is reads)]
                )
        return m


def _is_read(name):
    """Tell whether a member is one of the read channels'."""
    return name.startswith(("ar", "r"))


def _carry(m, inner, own, names):
    """Connect members of a part to those of the whole."""
    for name in names:
        if inner.signature.members[name].flow is Out:
            m.d.comb += getattr(own, name).eq(getattr(inner, name))
        else:
            m.d.comb += getattr(inner, name).eq(getattr(own, name))
