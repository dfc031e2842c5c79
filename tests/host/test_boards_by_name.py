# SPDX-License-Identifier: Apache-2.0
"""Finding a board's serial port by the board's name."""

from types import SimpleNamespace

import pytest

from dpu_host.connections import open_transport
from dpu_host.errors import PortError
from dpu_host.transports import board


def plugged(monkeypatch, *ports):
    found = [SimpleNamespace(device=d, vid=v, pid=p) for d, v, p in ports]
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: found)


def test_the_only_board_is_found(monkeypatch):
    plugged(monkeypatch, ("/dev/ttyS0", None, None), ("/dev/ttyUSB3", 0x0403, 0x6015))
    assert board.find_port("ulx3s") == "/dev/ttyUSB3"


def test_no_board_is_told(monkeypatch):
    plugged(monkeypatch, ("/dev/ttyUSB0", 0x1234, 0x6015))
    with pytest.raises(PortError, match=r"ulx3s: no Radiona ULX3S .*0403:6015.* is plugged in"):
        open_transport("ulx3s")


def test_one_of_several_must_be_named(monkeypatch):
    plugged(monkeypatch, ("/dev/b", 0x0403, 0x6015), ("/dev/a", 0x0403, 0x6015))
    with pytest.raises(PortError, match="/dev/a or /dev/b; name the port: uart:/dev/a@3000000"):
        open_transport("ulx3s")


def test_a_name_takes_no_port():
    with pytest.raises(PortError, match="a port is uart:/dev/ttyUSB0"):
        open_transport("ulx3s:/dev/ttyUSB0")
