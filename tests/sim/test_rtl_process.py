# SPDX-License-Identifier: Apache-2.0
"""The process around the C++ bench: waiting, refused commands, its end, its speed."""

import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dpu_sim.rtl import RtlProcess, SimulationError
from tests.rtl.support_copy import IDENTITY, Fault, Register
from tests.rtl.support_copy_run import NONE, build, copy, start

pytestmark = pytest.mark.rtl


@pytest.fixture
def process() -> Iterator[RtlProcess]:
    with RtlProcess(build(64)) as process:
        yield process


def test_waiting_ends(process: RtlProcess) -> None:
    assert process.wait(1000) == (1000, False)
    before = process.cycle()
    process.step(10)
    assert process.cycle() == before + 10
    copy(process, 0, 0x8000, 1)
    assert process.wait(1000) == (0, True)


def test_a_silent_register_bus_is_an_error(process: RtlProcess) -> None:
    process.write_register(Register.FAULTS, Fault.SILENT)
    with pytest.raises(SimulationError, match=r"no answer to the write of 0x4 within"):
        process.write_register(Register.SOURCE, 1)
    process.reset()
    assert process.write_register(Register.SOURCE, 1).response == 0


def test_reset_in_mid_run(process: RtlProcess) -> None:
    data = random.Random(1).randbytes(256 * 8)
    process.write_memory(0, data)
    for cycles in (1, 30, 55, 90):
        start(process, 0, 0x8000, 256, NONE)
        process.step(cycles)
        process.reset()
        process.fill_memory(0x8000, len(data), 0)
        copy(process, 0, 0x8000, 256)
        assert process.read_memory(0x8000, len(data)) == data


def test_commands_that_cannot_be_obeyed(process: RtlProcess, tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match="cannot read"):
        process.load(tmp_path / "missing", 0)
    with pytest.raises(SimulationError, match="doesn't fit"):
        process.write_memory((256 << 20) - 4, bytes(5))
    with pytest.raises(SimulationError, match="outside the memory"):
        process.read_memory(256 << 20, 1)
    with pytest.raises(SimulationError, match="1 or more"):
        process.set_read_latency(0)
    with pytest.raises(SimulationError, match="cannot record waves"):
        process.waves(tmp_path / "x.vcd")
    assert process.read_register(Register.IDENTITY).value == IDENTITY


def test_waves(tmp_path: Path) -> None:
    with RtlProcess(build(32, waves=True)) as process:
        process.waves(tmp_path / "x.vcd")
        copy(process, 0, 0x8000, 4)
        process.waves(None)
    assert "axi__rdata" in (tmp_path / "x.vcd").read_text()


def test_a_dead_or_slow_simulator_is_reported() -> None:
    executable = build(64)
    with RtlProcess(executable) as process:
        process._process.kill()
        with pytest.raises(SimulationError, match="ended during `cycle` with status -9"):
            process.cycle()
    with RtlProcess(executable, timeout=0.5) as process:
        with pytest.raises(SimulationError, match=r"no answer to `step` within 0.5 s"):
            process.step(10**12)
    with pytest.raises(SimulationError, match="has ended"):
        process.cycle()


def test_the_simulator_ends_with_its_user() -> None:
    child = subprocess.Popen(
        [str(build(64))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == b"ok ready 8\n"
        child.stdin.write(b"step 1000000000000\n")
        time.sleep(0.1)
    assert child.wait(timeout=20) == 0


def test_speed(process: RtlProcess) -> None:
    begin = time.perf_counter()
    process.step(200_000)
    assert 200_000 / (time.perf_counter() - begin) > 100_000
