# SPDX-License-Identifier: Apache-2.0
"""Names of devices, and what importing the driver brings along."""

import subprocess
import sys

import pytest

from dpu_host import connections
from dpu_host.connections import open_transport, register
from dpu_host.driver import Device
from dpu_host.errors import NotADpuError, UnknownDeviceError
from dpu_spec.presets import preset
from dpu_spec.registers import PRODUCT_ID
from tests.host.fake_device import FakeDevice


@pytest.fixture(autouse=True)
def _own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_kinds", dict(connections._kinds))


class Closable(FakeDevice):
    closed = 0

    def close(self) -> None:
        self.closed += 1


def test_a_kind_that_does_not_exist_lists_those_that_do() -> None:
    register("board", "board[:PORT]", lambda where: FakeDevice(preset("tiny")))
    with pytest.raises(UnknownDeviceError) as caught:
        Device.open("uarts:/dev/ttyUSB0")
    text = str(caught.value)
    assert text.startswith("uarts:/dev/ttyUSB0: no such kind of device")
    assert "there are: board[:PORT], " in text
    assert "uart:PORT[@BAUD]" in text


def test_a_registered_kind_gets_what_follows_the_colon() -> None:
    device, names = Closable(preset("tiny")), []

    def connect(where: str) -> FakeDevice:
        names.append(where)
        return device

    register("fake", "fake[:WHERE]", connect)
    with Device.open("fake:a:b@c") as found:
        assert found.transport is device
        assert found.parameters() == preset("tiny").parameters()
    assert device.closed == 1
    Device.open("fake").close()
    assert names == ["a:b@c", ""]


def test_a_device_that_is_no_dpu_is_given_back() -> None:
    device = Closable(preset("tiny"))
    device.registers["PRODUCT_ID"] = PRODUCT_ID + 1
    register("fake", "fake", lambda where: device)
    with pytest.raises(NotADpuError):
        Device.open("fake")
    assert device.closed == 1


def test_a_device_without_close_can_be_closed() -> None:
    register("fake", "fake", lambda where: FakeDevice(preset("tiny")))
    Device.open("fake").close()


def test_a_kind_by_the_name_of_its_function() -> None:
    register("late", "late", "tests.host.test_connections:late")
    assert isinstance(open_transport("late:x"), FakeDevice)


def late(where: str) -> FakeDevice:
    return FakeDevice(preset("tiny"))


def test_a_kind_has_no_colon() -> None:
    with pytest.raises(ValueError, match="before the colon"):
        register("a:b", "a:b", late)


def test_the_driver_needs_numpy_only() -> None:
    """Beside the standard library and, once a port is opened, pyserial."""
    code = (
        "import sys, numpy; before = set(sys.modules)\n"
        "import dpu_host.driver, dpu_host.connections, dpu_host.transports.uart\n"
        "import dpu_spec.program\n"
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(names - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"numpy", "dpu_host", "dpu_spec", "dpu_golden"}
    assert "dpu_host" in done.stdout
