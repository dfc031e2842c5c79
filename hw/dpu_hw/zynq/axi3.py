# SPDX-License-Identifier: Apache-2.0
"""AXI3, as the high-performance (HP) ports of a Zynq-7000 speak it (AMD UG585, chapter 5)."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.axi import ADDRESS_BITS

__all__ = ["MAXIMUM_BEATS", "PORT_BYTES", "Axi3Signature"]

#: Beats that a burst has at most.
MAXIMUM_BEATS = 16
#: Width of a port in bytes; it can be set to 4 instead.
PORT_BYTES = 8


def _burst(prefix):
    return {
        f"{prefix}valid": Out(1),
        f"{prefix}ready": In(1),
        f"{prefix}id": Out(1),
        f"{prefix}addr": Out(ADDRESS_BITS),
        f"{prefix}len": Out(4),
        f"{prefix}size": Out(3),
        f"{prefix}burst": Out(2),
        f"{prefix}lock": Out(2),
        f"{prefix}cache": Out(4),
        f"{prefix}prot": Out(3),
    }


class Axi3Signature(wiring.Signature):
    """All channels of AXI3, from the master's side.

    Its identifiers have one bit, since tools expect them; a master of ours leaves them 0.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data buses in bytes.
    """

    def __init__(self, *, data_bytes):
        super().__init__(
            {
                **_burst("aw"),
                "wvalid": Out(1),
                "wready": In(1),
                "wid": Out(1),
                "wdata": Out(8 * data_bytes),
                "wstrb": Out(data_bytes),
                "wlast": Out(1),
                "bvalid": In(1),
                "bready": Out(1),
                "bid": In(1),
                "bresp": In(2),
                **_burst("ar"),
                "rvalid": In(1),
                "rready": Out(1),
                "rid": In(1),
                "rdata": In(8 * data_bytes),
                "rresp": In(2),
                "rlast": In(1),
            }
        )
