# SPDX-License-Identifier: Apache-2.0
"""Names of devices: from ``uart:/dev/ttyUSB0`` to a transport."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable

from dpu_host.errors import UnknownDeviceError
from dpu_host.transport import Transport
from dpu_spec.board_links import BOARD_LINKS

Connect = Callable[[str], Transport]


@dataclasses.dataclass(frozen=True)
class Connection:
    """A kind of device.

    ``usage`` is how its names look, ``connect`` gets what follows the colon. A string
    ``module:function`` is imported when it is first used, so that kinds that aren't used cost no
    package.
    """

    usage: str
    connect: Connect | str

    def open(self, where: str) -> Transport:
        """Return the transport to a device."""
        if isinstance(self.connect, str):
            module, _, function = self.connect.partition(":")
            found: Connect = getattr(importlib.import_module(module), function)
            return found(where)
        return self.connect(where)


def _board(name: str) -> Connection:
    def connect(where: str) -> Transport:
        from dpu_host.transports.board import connect

        return connect(name, where)

    return Connection(name, connect)


_kinds: dict[str, Connection] = {
    **{name: _board(name) for name in BOARD_LINKS},
    "sim": Connection("sim[:BOARD]", "dpu_boards.simulation:connect"),
    "uart": Connection("uart:PORT[@BAUD]", "dpu_host.transports.uart:connect"),
    "pynq": Connection("pynq:BITSTREAM[@MEBIBYTES]", "dpu_host.transports.pynq:connect"),
    "mmio": Connection(
        "mmio:REGISTERS@OFFSET,MEMORY@OFFSET+SIZE[=ADDRESS][,MHZ]",
        "dpu_host.transports.mmio:connect",
    ),
}


def register(kind: str, usage: str, connect: Connect | str) -> None:
    """Add a kind of device, in place of one that there is; see :class:`Connection`."""
    if not kind or ":" in kind:
        raise ValueError(f"{kind!r}: the name of a kind is what stands before the colon.")
    _kinds[kind] = Connection(usage, connect)


def open_transport(name: str) -> Transport:
    """Return the transport to a device: ``KIND`` or ``KIND:WHERE``.

    Raise :exc:`UnknownDeviceError` for a kind that doesn't exist.
    """
    kind, _, where = name.partition(":")
    if kind not in _kinds:
        usages = ", ".join(sorted(connection.usage for connection in _kinds.values()))
        raise UnknownDeviceError(f"{name}: no such kind of device; there are: {usages}.")
    return _kinds[kind].open(where)
