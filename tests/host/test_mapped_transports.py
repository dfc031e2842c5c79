# SPDX-License-Identifier: Apache-2.0
"""A DPU beside the processor: by PYNQ, and by mapped files."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_compiler.graph import Graph
from dpu_host.driver import Device
from dpu_host.errors import (
    DeviceError,
    MemorySizeError,
    MissingPackageError,
    NotADpuError,
    RunTimeoutError,
    UnknownDeviceError,
)
from dpu_host.transports import mmio
from dpu_host.transports.mapped import MappedTransport
from dpu_host.transports.mmio import FileMemory, FileRegisters, Mapping
from dpu_spec.presets import preset
from dpu_spec.program import Program
from dpu_spec.registers import BY_NAME, PRODUCT_ID, address
from tests.host.fake_device import FakeDevice
from tests.support.pynq import BUFFER_ADDRESS, Pynq

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
CONFIGURATION = preset("tiny")
MEBIBYTES = 2


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_model(MODEL)


@pytest.fixture(scope="module")
def program(graph: Graph) -> Program:
    return compile_graph(graph, CONFIGURATION)


@pytest.fixture
def fake() -> FakeDevice:
    return FakeDevice(CONFIGURATION, memory=8 << 20)


@pytest.fixture
def pynq(fake: FakeDevice, monkeypatch: pytest.MonkeyPatch) -> Pynq:
    module = Pynq(fake)
    monkeypatch.setitem(sys.modules, "pynq", module)
    return module


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    path = tmp_path / "arty_z7.bit"
    path.write_bytes(b"")
    return path


def test_inferences_by_pynq(
    graph: Graph, program: Program, pynq: Pynq, bitstream: Path, fake: FakeDevice
) -> None:
    source = np.random.default_rng(1)
    with Device.open(f"pynq:{bitstream}@{MEBIBYTES}") as device:
        assert pynq.loaded == [str(bitstream)]
        device.load(program)
        for _ in range(2):
            image = source.integers(-128, 128, (1, 28, 28, 1)).astype(np.int8)
            found = device.infer({program.inputs[0]: image})
            expected = graph.run({program.inputs[0]: image})
            for index in program.outputs:
                np.testing.assert_array_equal(found[index], expected[index])
        assert pynq.freed == []
    assert pynq.freed == [BUFFER_ADDRESS]
    # Programs lie within the buffer, from its first page on.
    first = fake.registers["PROGRAM_BASE"]
    assert first == -(-BUFFER_ADDRESS // 4096) * 4096
    assert not fake.memory[:first].any()


def test_memory_is_what_the_dpu_sees(pynq: Pynq, bitstream: Path, fake: FakeDevice) -> None:
    transport = Device.open(f"pynq:{bitstream}@{MEBIBYTES}").transport
    for at, size in ((0, 1), (63, 2), (64, 64), (1000, 5000)):
        data = np.random.default_rng(size).bytes(size)
        transport.write_memory(BUFFER_ADDRESS + at, data)
        assert fake.read_memory(BUFFER_ADDRESS + at, size) == data
        fake.write_memory(BUFFER_ADDRESS + at, data[::-1])
        assert transport.read_memory(BUFFER_ADDRESS + at, size) == data[::-1]
    end = BUFFER_ADDRESS + (MEBIBYTES << 20)
    assert transport.memory_bytes == end
    transport.write_memory(end, b"")
    for at in (BUFFER_ADDRESS - 1, end):
        with pytest.raises(MemorySizeError, match="from 0x123440 to 0x323440; set more apart"):
            transport.read_memory(at, 1)
        with pytest.raises(MemorySizeError):
            transport.write_memory(at, b"x")


def test_a_program_that_is_too_large_for_the_buffer(
    program: Program, fake: FakeDevice, monkeypatch: pytest.MonkeyPatch, bitstream: Path
) -> None:
    pynq = Pynq(fake, bytes_at_most=8192)
    monkeypatch.setitem(sys.modules, "pynq", pynq)
    with pytest.raises(MemorySizeError, match="give the DPU more memory"):
        Device.open(f"pynq:{bitstream}@1").load(program)


def test_a_run_that_does_not_end(
    program: Program, fake: FakeDevice, monkeypatch: pytest.MonkeyPatch, bitstream: Path
) -> None:
    # A fast clock makes its limit short.
    monkeypatch.setitem(sys.modules, "pynq", Pynq(fake, megahertz=1e6))
    device = Device.open(f"pynq:{bitstream}@{MEBIBYTES}")
    device.load(program)
    fake.hang = True
    with pytest.raises(RunTimeoutError, match="didn't end within"):
        device.infer({program.inputs[0]: np.zeros((1, 28, 28, 1), np.int8)})


def test_waiting_gives_the_processor_to_others(fake: FakeDevice) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] >= 0.5:
            fake.registers["STATUS"] = BY_NAME["STATUS"].field("done").put(1)

    registers = _FakeRegisters(fake)
    transport = MappedTransport(
        registers,
        FileMemory.__new__(FileMemory),
        clock_hertz=1e6,
        clock=lambda: now[0],
        sleep=sleep,
    )
    assert not transport.wait(100_000)
    assert 0.1 <= now[0] < 0.11
    assert transport.wait(10_000_000)
    assert 0.5 <= now[0] < 0.51


class _FakeRegisters:
    def __init__(self, device: FakeDevice) -> None:
        self._device = device

    def read(self, offset: int) -> int:
        return self._device.read_register(offset)

    def write(self, offset: int, value: int) -> None:
        self._device.write_register(offset, value)


def test_without_pynq(monkeypatch: pytest.MonkeyPatch, bitstream: Path) -> None:
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(MissingPackageError, match=r"pynq: isn't installed .*; run this on a board"):
        Device.open(f"pynq:{bitstream}")


def test_overlays_that_do_not_do(pynq: Pynq, bitstream: Path, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="there is no such bitstream"):
        Device.open(f"pynq:{tmp_path}/other.bit")
    assert pynq.loaded == []
    pynq.full = MemoryError("no room")
    with pytest.raises(DeviceError, match=r"64 MiB of contiguous memory can't be had \(no room\)"):
        Device.open(f"pynq:{bitstream}")
    del pynq.ip_dict["dpu"]
    with pytest.raises(DeviceError, match=r"has no tandem_dpu \(it has ps\)"):
        Device.open(f"pynq:{bitstream}")


@pytest.mark.parametrize("where", ["", "x.bit@", "x.bit@0", "@64", "x.bit@64M"])
def test_names_of_overlays(pynq: Pynq, where: str) -> None:
    with pytest.raises(UnknownDeviceError, match="names no bitstream and size; write pynq:"):
        Device.open(f"pynq:{where}")


# Mapped files


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return files that look like the registers of a DPU, and like a DRAM."""
    registers, memory = tmp_path / "registers", tmp_path / "memory"
    registers.write_bytes(bytes(0x1_0000))
    memory.write_bytes(bytes(0x1_0000))
    return registers, memory


def test_files_are_registers_and_memory(files: tuple[Path, Path]) -> None:
    registers, memory = files
    transport = mmio.connect(f"{registers}@0,{memory}@0x1000+0x8000=0x18001000,50")
    transport.write_register(address("CONTROL"), 0x8765_4321)
    at = address("CONTROL")
    assert registers.read_bytes()[at : at + 4] == bytes.fromhex("21436587")
    assert transport.read_register(at) == 0x8765_4321
    assert (transport.base, transport.memory_bytes) == (0x1800_1000, 0x1800_9000)
    transport.write_memory(0x1800_1003, b"abc")
    assert memory.read_bytes()[0x1003:0x1006] == b"abc"
    assert transport.read_memory(0x1800_1002, 5) == b"\0abc\0"


def test_an_address_is_the_offset_where_none_is_given(files: tuple[Path, Path]) -> None:
    registers, memory = files
    transport = mmio.connect(f"{registers}@0,{memory}@4096+8192")
    assert (transport.base, transport.memory_bytes) == (4096, 12288)


def test_files_without_a_dpu(files: tuple[Path, Path]) -> None:
    registers, memory = files
    with pytest.raises(NotADpuError, match="no Tandem DPU"):
        Device.open(f"mmio:{registers}@0,{memory}@0+4096")
    registers.write_bytes(PRODUCT_ID.to_bytes(4, "little") + bytes(0xFFFC))
    with pytest.raises(NotADpuError, match="architecture version 0"):
        Device.open(f"mmio:{registers}@0,{memory}@0+4096")


def test_files_that_cannot_be_mapped(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registers, memory = files
    with pytest.raises(DeviceError, match=r"none: .* can't be mapped"):
        mmio.connect(f"{tmp_path}/none@0,{memory}@0+4096")
    with pytest.raises(DeviceError, match=r"0x10000 can't be mapped"):
        mmio.connect(f"{registers}@0x10000,{memory}@0+4096")
    with pytest.raises(DeviceError, match="0x64 is no multiple of 4096"):
        mmio.connect(f"{registers}@100,{memory}@0+4096")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(DeviceError, match=r"may not be mapped .*; run as root"):
        Mapping("/dev/mem", 0, 4096).open()


@pytest.mark.parametrize(
    "where", ["", "/dev/mem", "/dev/mem@0", "/dev/mem@0,/dev/mem@0", "a@0,b@0+x", "a@0,b@0+1,fast"]
)
def test_names_of_files(where: str) -> None:
    with pytest.raises(UnknownDeviceError, match="doesn't say what to map; write mmio:"):
        Device.open(f"mmio:{where}")


def test_registers_are_accessed_word_by_word(files: tuple[Path, Path]) -> None:
    registers = FileRegisters(Mapping(str(files[0]), 0, 4096).open())
    registers.write(8, 1)
    registers.write(12, 0xFFFF_FFFF)
    assert [registers.read(at) for at in (4, 8, 12, 16)] == [0, 1, 0xFFFF_FFFF, 0]
    assert type(registers.read(12)) is int
