# SPDX-License-Identifier: Apache-2.0
"""From AXI4 bursts to chunks, each of which is one AXI3 burst on one port."""

import dataclasses

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from dpu_hw.axi import ADDRESS_BITS, BURST_INCREMENT, CACHE
from dpu_hw.zynq.axi3 import MAXIMUM_BEATS, PORT_BYTES

__all__ = ["BUFFER_BEATS", "OUTSTANDING", "ChunkSplitter", "Geometry", "drive_burst"]

#: Chunks that may be under way in each direction.
OUTSTANDING = 32
#: Beats of the bus that each port has room for in each direction: all of those under way, so that
#: a memory that answers within 100 cycles always has something to answer. It fills block RAM.
BUFFER_BEATS = OUTSTANDING * MAXIMUM_BEATS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Geometry:
    """How the beats of a bus are dealt to narrower ports.

    A chunk is as many bytes as the longest AXI3 burst, at a multiple of its size, or a part of it
    where a burst begins or ends within. The lowest bits of its number choose the port: ports take
    turns in a long burst, and what goes to an address always takes the same way.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the bus: 4, 8 or 16.
    """

    data_bytes: int

    def __post_init__(self):
        if self.data_bytes not in (4, 8, 16):
            raise ValueError(f"The bus must be 4, 8 or 16 bytes wide, not {self.data_bytes!r}")

    @property
    def port_bytes(self):
        """Width of a port."""
        return min(self.data_bytes, PORT_BYTES)

    @property
    def ports(self):
        """Number of ports, and of their beats in a beat of the bus."""
        return self.data_bytes // self.port_bytes

    @property
    def port_bits(self):
        """Bits of a port's number."""
        return exact_log2(self.ports)

    @property
    def chunk_beats(self):
        """Beats of the bus in the longest chunk."""
        return MAXIMUM_BEATS // self.ports

    def chunk_layout(self):
        """Return a chunk: its port, its first beat's number, one less than its beats, and whether
        it is its burst's last."""
        return data.StructLayout(
            {
                "port": self.port_bits,
                "at": ADDRESS_BITS - exact_log2(self.data_bytes),
                "more": exact_log2(self.chunk_beats),
                "last": 1,
            }
        )


class ChunkSplitter(wiring.Component):
    """Cut bursts into chunks, one a cycle.

    Parameters
    ----------
    geometry : :class:`Geometry`
        Widths.

    Members
    -------
    i : :py:`In(stream.Signature(StructLayout({"address": 32, "more": 8})))`
        The address of a burst, rounded down to a beat's, and one less than its beats.
    o : :py:`Out(stream.Signature(geometry.chunk_layout()))`
        Chunks, from a cycle later on.
    """

    def __init__(self, *, geometry):
        self._geometry = geometry
        burst = data.StructLayout({"address": ADDRESS_BITS, "more": 8})
        super().__init__(
            {
                "i": In(stream.Signature(burst)),
                "o": Out(stream.Signature(geometry.chunk_layout())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        geometry = self._geometry
        bits = exact_log2(geometry.chunk_beats)
        low = exact_log2(geometry.data_bytes)
        at = Signal(ADDRESS_BITS - low)
        more = Signal(8)
        active = Signal()
        # Beats behind the present one in its chunk.
        room = ~at[:bits]
        chunk = self.o.payload
        m.d.comb += [
            self.o.valid.eq(active),
            chunk.port.eq(at[bits : bits + geometry.port_bits]),
            chunk.at.eq(at),
            chunk.last.eq(more <= room),
            chunk.more.eq(Mux(chunk.last, more, room)),
            self.i.ready.eq(~active | (self.o.ready & chunk.last)),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += [
                Cat(at[:bits], at[bits:]).eq(Cat(C(0, bits), at[bits:] + 1)),
                more.eq(more - room - 1),
            ]
        with m.If(self.i.ready):
            m.d.sync += active.eq(self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [at.eq(self.i.payload.address[low:]), more.eq(self.i.payload.more)]
        return m


def drive_burst(m, geometry, port, prefix, requests):
    """Drive a port's address channel, from a stream of chunks."""
    chunk = requests.payload
    low = exact_log2(geometry.data_bytes)
    values = {
        "valid": requests.valid,
        "addr": Cat(C(0, low), chunk.at),
        "len": Cat(C(geometry.ports - 1, geometry.port_bits), chunk.more),
        "size": exact_log2(geometry.port_bytes),
        "burst": BURST_INCREMENT,
        "cache": CACHE,
    }
    m.d.comb += [getattr(port, prefix + name).eq(value) for name, value in values.items()]
    m.d.comb += requests.ready.eq(getattr(port, prefix + "ready"))
