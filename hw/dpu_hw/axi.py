# SPDX-License-Identifier: Apache-2.0
"""AXI4 and AXI4-Lite, with the flat member names that tools look for."""

import enum

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = [
    "ADDRESS_BITS",
    "BOUNDARY",
    "BURST_INCREMENT",
    "CACHE",
    "MAXIMUM_BEATS",
    "Axi4ReadSignature",
    "Axi4Signature",
    "Axi4WriteSignature",
    "AxiLiteSignature",
    "Response",
]

#: Bits of an AXI4 address.
ADDRESS_BITS = 32
#: A burst never crosses a multiple of this many bytes.
BOUNDARY = 4096
#: Beats that a burst has at most.
MAXIMUM_BEATS = 256
#: AxBURST of every burst.
BURST_INCREMENT = 0b01
#: AxCACHE of every burst: normal memory, not cached, may be merged and buffered.
CACHE = 0b0011


class Response(enum.IntEnum):
    """BRESP and RRESP; bit 1 is set in an error."""

    OKAY = 0
    EXOKAY = 1
    SLVERR = 2
    DECERR = 3


def _address(prefix, bits):
    return {f"{prefix}valid": Out(1), f"{prefix}ready": In(1), f"{prefix}addr": Out(bits)}


def _burst(prefix):
    return {
        **_address(prefix, ADDRESS_BITS),
        f"{prefix}len": Out(8),
        f"{prefix}size": Out(3),
        f"{prefix}burst": Out(2),
        f"{prefix}cache": Out(4),
        f"{prefix}prot": Out(3),
    }


def _write_data(data_bytes):
    return {
        "wvalid": Out(1),
        "wready": In(1),
        "wdata": Out(8 * data_bytes),
        "wstrb": Out(data_bytes),
    }


_WRITE_RESPONSE = {"bvalid": In(1), "bready": Out(1), "bresp": In(2)}


def _read_data(data_bytes):
    return {
        "rvalid": In(1),
        "rready": Out(1),
        "rdata": In(8 * data_bytes),
        "rresp": In(2),
    }


class Axi4ReadSignature(wiring.Signature):
    """The read channels of AXI4 without identifiers, from the master's side."""

    def __init__(self, *, data_bytes):
        super().__init__({**_burst("ar"), **_read_data(data_bytes), "rlast": In(1)})


class Axi4WriteSignature(wiring.Signature):
    """The write channels of AXI4 without identifiers, from the master's side."""

    def __init__(self, *, data_bytes):
        super().__init__(
            {**_burst("aw"), **_write_data(data_bytes), "wlast": Out(1), **_WRITE_RESPONSE}
        )


class Axi4Signature(wiring.Signature):
    """All channels of AXI4 without identifiers, from the master's side.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data buses in bytes.
    """

    def __init__(self, *, data_bytes):
        super().__init__(
            {
                **_burst("aw"),
                **_write_data(data_bytes),
                "wlast": Out(1),
                **_WRITE_RESPONSE,
                **_burst("ar"),
                **_read_data(data_bytes),
                "rlast": In(1),
            }
        )


class AxiLiteSignature(wiring.Signature):
    """AXI4-Lite with 32 bits of data, from the master's side.

    Parameters
    ----------
    address_bits : :class:`int`
        Width of the addresses, which count bytes.
    """

    def __init__(self, *, address_bits):
        super().__init__(
            {
                **_address("aw", address_bits),
                "awprot": Out(3),
                **_write_data(4),
                **_WRITE_RESPONSE,
                **_address("ar", address_bits),
                "arprot": Out(3),
                **_read_data(4),
            }
        )
