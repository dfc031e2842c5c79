# SPDX-License-Identifier: Apache-2.0
"""Finding a board's serial port by the board's name."""

from __future__ import annotations

from dpu_host.errors import MissingPackageError, PortError, PortMissingError
from dpu_host.transport import Transport
from dpu_host.transports.uart import UartTransport
from dpu_spec.board_links import BOARD_LINKS


def find_port(name: str) -> str:
    """Return the serial port of a board.

    Raise :exc:`PortError` where there is none, or several; :exc:`MissingPackageError` without
    pyserial.
    """
    try:
        from serial.tools.list_ports import comports
    except ImportError:
        raise MissingPackageError(
            "pyserial isn't installed, and boards on serial ports need it; install it with: "
            "pip install 'tandem-dpu[boards]'"
        ) from None
    link = BOARD_LINKS[name]
    ports = sorted(str(port.device) for port in comports() if (port.vid, port.pid) == link.usb)
    if not ports:
        raise PortMissingError(
            f"{name}: no {link.title} (USB {link.usb[0]:04x}:{link.usb[1]:04x}) is plugged in; "
            "check the cable, or name its port: uart:/dev/ttyUSB0."
        )
    if len(ports) > 1:
        raise PortError(
            f"{name}: may be {' or '.join(ports)}; name the port: uart:{ports[0]}@{link.baud}."
        )
    return ports[0]


def connect(name: str, where: str) -> Transport:
    """Connect to a board by its name; ``where`` must be empty."""
    if where:
        raise PortError(f"{name}:{where}: takes nothing after its name; a port is uart:{where}.")
    return UartTransport.open(find_port(name), BOARD_LINKS[name].baud)
