# SPDX-License-Identifier: Apache-2.0
"""The C++ bench: memory, latency, stalls, errors, bus rules, trace."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from dpu_sim.rtl import ErrorCode, RtlProcess, SimulationError, read_trace
from tests.rtl.support_copy import IDENTITY, Fault, Register
from tests.rtl.support_copy_run import LIMIT, NONE, build, copy, start

pytestmark = pytest.mark.rtl


@pytest.fixture(params=[32, 64, 128])
def any_width(request: pytest.FixtureRequest) -> Iterator[RtlProcess]:
    with RtlProcess(build(request.param)) as process:
        yield process


@pytest.fixture
def process() -> Iterator[RtlProcess]:
    with RtlProcess(build(64)) as process:
        yield process


def pattern(length: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(length)


def test_registers(any_width: RtlProcess) -> None:
    assert any_width.read_register(Register.IDENTITY).value == IDENTITY
    assert any_width.write_register(Register.SOURCE, 0xDEADBEEF).response == 0
    assert any_width.read_register(Register.SOURCE).value == 0xDEADBEEF
    assert any_width.read_register(0x100).response == 2
    assert any_width.write_register(0x100, 1).response == 2


def test_copy_crosses_page_boundaries(any_width: RtlProcess) -> None:
    width = any_width.bus_width
    beats = 3 * 4096 // width
    data = pattern(beats * width)
    source, target = 0x10000 + 5 * width, 0x40000 + 3 * width
    any_width.write_memory(source, data)
    copy(any_width, source, target, beats)
    assert any_width.read_memory(target, len(data)) == data
    assert any_width.read_memory(target + len(data), 64) == bytes(64)
    assert any_width.read_register(Register.STATUS).value == 1
    counters = any_width.counters(clear=True)
    assert counters.read_bytes == counters.write_bytes == counters.strobed_bytes == len(data)
    assert counters.read_beats == counters.write_beats == beats
    assert counters.read_bursts >= 3 * 4096 // width // 16
    assert any_width.counters().read_bytes == 0


@pytest.mark.parametrize("latency", [1, 40, 200])
def test_read_latency_is_exact_and_requests_overlap(process: RtlProcess, latency: int) -> None:
    process.set_read_latency(latency)
    one = copy(process, 0, 0x8000, 1)
    process.set_read_latency(latency + 7)
    assert copy(process, 0, 0x8000, 1) == one + 7
    # 16 bursts of 16 beats stream: their latencies don't add up.
    process.set_read_latency(latency)
    assert copy(process, 0, 0x8000, 256) < one + 256 + 2 * 16 + 4


def test_one_beat_a_cycle(process: RtlProcess) -> None:
    short, long = copy(process, 0, 0x8000, 16), copy(process, 0, 0x8000, 176)
    # Each further burst of the copy engine takes 16 beats and 2 cycles to request.
    assert long - short == 10 * 18


def test_random_stalls_change_time_but_not_data(any_width: RtlProcess) -> None:
    width = any_width.bus_width
    data = pattern(500 * width)
    any_width.write_memory(0x1000, data)
    free = copy(any_width, 0x1000, 0x20000, 500)
    times = set()
    for seed in range(8):
        any_width.reset()
        any_width.set_read_latency(1, 200)
        any_width.set_write_latency(1, 50)
        any_width.set_stalls(seed, ar=0.3, r=0.5, aw=0.3, w=0.5, b=0.5)
        any_width.fill_memory(0x20000, len(data), 0xFF)
        times.add(copy(any_width, 0x1000, 0x20000, 500))
        assert any_width.read_memory(0x20000, len(data)) == data
    assert len(times) > 4
    assert min(times) > 1.5 * free
    any_width.set_stalls(0)
    any_width.set_read_latency(40)
    any_width.set_write_latency(1)
    assert copy(any_width, 0x1000, 0x20000, 500) == free


def test_a_seed_reproduces_a_run(process: RtlProcess) -> None:
    def run() -> int:
        process.reset()
        process.set_read_latency(1, 100)
        process.set_stalls(7, ar=0.2, r=0.4, aw=0.2, w=0.4, b=0.2)
        return copy(process, 0, 0x8000, 300)

    assert run() == run()


@pytest.mark.parametrize("code", list(ErrorCode))
def test_injected_errors(process: RtlProcess, code: ErrorCode) -> None:
    value = 2 if code is ErrorCode.SLVERR else 3

    def status() -> int:
        return process.read_register(Register.STATUS).value

    process.inject_error("read", 2, code)
    copy(process, 0, 0x8000, 100)
    assert status() == 1 | value << 1
    process.clear_errors()
    copy(process, 0, 0x8000, 100)
    assert status() == 1
    process.inject_error("read", 0, code, beat=3)
    copy(process, 0, 0x8000, 100)
    assert status() == 1 | value << 1
    # Counted from the injection on: 7 bursts of 100 beats have gone by.
    process.inject_error("read", 7, code)
    copy(process, 0, 0x8000, 100)
    assert status() == 1
    copy(process, 0, 0x8000, 100)
    assert status() == 1 | value << 1
    process.clear_errors()
    process.inject_error("write", 3, code)
    process.fill_memory(0x8000, 1024, 0xAA)
    copy(process, 0, 0x8000, 100)
    assert status() == 1 | value << 3
    assert process.read_memory(0x8000 + 3 * 128, 128) == bytes([0xAA]) * 128
    process.clear_errors()
    process.inject_error_range(0x8100, 8, code)
    copy(process, 0, 0x8000, 100)
    assert status() == 1 | value << 3
    process.clear_errors()
    copy(process, 0, 0x8000, 100)
    assert status() == 1


def test_outside_the_memory_is_a_decode_error(process: RtlProcess) -> None:
    copy(process, 0xFFFF0000, 0x8000, 16)
    assert process.read_register(Register.STATUS).value == 1 | 3 << 1
    copy(process, 0, 0xFFFF0000, 16)
    assert process.read_register(Register.STATUS).value == 1 | 3 << 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault.CROSS_4K, "AXI AR: the burst of 16 beats at 0x00000fc0 crosses 4 KiB"),
        (Fault.LAST_EARLY, "AXI W: WLAST is 1 on beat 15 of 16"),
        (Fault.DATA_CHANGES, "AXI W: the payload changed"),
        (Fault.SIZE, "AXI AR: AxSIZE 2 is not the bus's 8 bytes"),
        (Fault.VALID_FALLS, "AXI W: valid fell"),
    ],
)
def test_a_broken_bus_rule_stops_the_run(process: RtlProcess, fault: Fault, message: str) -> None:
    # A slow write channel makes the design hold its data.
    process.set_stalls(3, w=0.5)
    with pytest.raises(SimulationError, match=message):
        copy(process, 0xFC0, 0x8000, 64, fault)
    with pytest.raises(SimulationError, match=message):
        process.wait(10)
    process.reset()
    copy(process, 0xFC0, 0x8000, 64)


def test_only_the_checked_build_sees_assertions() -> None:
    with RtlProcess(build(64, checked=True)) as process:
        with pytest.raises(SimulationError, match=r"assertion failed at dpu\.v:"):
            start(process, 0, 0x8000, 16, Fault.ASSERTION)
        process.reset()
        copy(process, 0, 0x8000, 16)
    with RtlProcess(build(64)) as process:
        copy(process, 0, 0x8000, 16, Fault.ASSERTION)


def test_trace(process: RtlProcess, tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    process.trace(path)
    begin = start(process, 0, 0x8000, 16, NONE)
    wait = process.wait(LIMIT)
    process.trace(None)
    copy(process, 0, 0x8000, 16)
    first, last = read_trace(path)
    assert first == (begin, 0b100001, 0)
    assert (last.start, last.finish) == (0, 0b100000)
    # The interrupt is a register behind the pulse.
    assert wait.interrupt
    assert last.cycle < begin + wait.cycles + 2
