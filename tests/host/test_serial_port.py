# SPDX-License-Identifier: Apache-2.0
"""Ports of this machine: opened with pyserial, or refused with what to do."""

import builtins
import errno
import os
import threading
import tty
from collections.abc import Iterator
from typing import Any

import pytest

from dpu_host.connections import open_transport
from dpu_host.errors import (
    LinkLostError,
    MissingPackageError,
    PortBusyError,
    PortError,
    PortMissingError,
    PortPermissionError,
    UnknownDeviceError,
)
from dpu_host.transports.uart import UartTransport
from tests.support.link_model import LinkModel

serial = pytest.importorskip("serial")


class Terminal:
    """A pseudo-terminal with a board behind it."""

    def __init__(self) -> None:
        self.model = LinkModel(
            memory_bytes=1 << 14,
            clock_hertz=1_000_000,
            read_register=lambda at: at,
            write_register=lambda at, value: None,
        )
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.name = os.ttyname(self.slave)
        self._stop, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        import select

        while True:
            ready, _, _ = select.select([self.master, self._stop], [], [])
            if self._stop in ready:
                return
            answer = self.model.feed(os.read(self.master, 4096))
            while answer:
                answer = answer[os.write(self.master, answer) :]

    def unplug(self) -> None:
        os.write(self._wake, b"x")
        self._thread.join()
        os.close(self.master)
        os.close(self.slave)
        self.master = -1

    def close(self) -> None:
        if self.master >= 0:
            self.unplug()
        os.close(self._stop)
        os.close(self._wake)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    found = Terminal()
    yield found
    found.close()


def test_a_board_on_a_port_of_this_machine(terminal: Terminal) -> None:
    with UartTransport.open(terminal.name, 115200) as transport:
        assert transport.memory_bytes == 1 << 14
        data = os.urandom(3001)
        transport.write_memory(5, data)
        assert transport.read_memory(5, 3001) == data
        assert terminal.model.memory[5:3006] == data
        assert transport.read_register(0x80) == 0x80
        assert not transport.wait(1000)
        terminal.model.interrupt = True
        assert transport.wait(1_000_000)


def test_a_port_that_goes_away(terminal: Terminal) -> None:
    with UartTransport.open(terminal.name, 115200) as transport:
        terminal.unplug()
        with pytest.raises(LinkLostError, match=f"{terminal.name}: the port failed"):
            transport.read_memory(0, 4)


def test_a_port_that_is_in_use(terminal: Terminal) -> None:
    with (
        UartTransport.open(terminal.name, 115200),
        pytest.raises(PortBusyError, match="another program uses this port"),
    ):
        UartTransport.open(terminal.name, 115200)


def test_a_port_that_does_not_exist() -> None:
    with pytest.raises(PortMissingError, match=r"^/dev/tty-none: .*plug the board in.*machine"):
        UartTransport.open("/dev/tty-none")


def test_a_file_is_no_port(tmp_path: Any) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(PortError, match="cannot be opened"):
        UartTransport.open(str(path))


def test_a_port_without_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise serial.SerialException(errno.EACCES, "could not open port")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(PortPermissionError, match="join the group"):
        UartTransport.open("/dev/ttyS0")


def test_a_rate_that_the_port_does_not_have(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise ValueError("Invalid baud rate")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(PortError, match="cannot be set to 7 baud"):
        UartTransport.open("/dev/ttyS0", 7)


def test_pyserial_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "serial":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingPackageError, match=r'pip install "tandem-dpu\[boards\]"'):
        UartTransport.open("/dev/ttyS0")


@pytest.mark.parametrize("where", ["", "@115200", "/dev/ttyS0@", "/dev/ttyS0@fast", "COM3@0"])
def test_names_of_ports_that_cannot_be(where: str) -> None:
    with pytest.raises(UnknownDeviceError, match=r"write uart:/dev/ttyUSB0 or"):
        open_transport(f"uart:{where}")


def test_a_port_by_its_name(terminal: Terminal) -> None:
    for name in (f"uart:{terminal.name}", f"uart:{terminal.name}@115200"):
        transport = open_transport(name)
        assert isinstance(transport, UartTransport)
        assert transport.memory_bytes == 1 << 14
        transport.close()
