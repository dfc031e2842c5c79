# SPDX-License-Identifier: Apache-2.0
"""The simulated board: the rules of the SDRAM, the serial line, the port that programs see."""

import dataclasses
import random
from collections.abc import Iterator

import pytest

from dpu_sim.board import BoardProcess, MemoryRules, SimulatedPort, build_board
from dpu_sim.rtl import SimulationError
from tests.sim.board_design import CHIP, CLOCK, SIZE, TARGET, board_verilog

pytestmark = pytest.mark.rtl

RULES = MemoryRules.of(CHIP, CLOCK)
#: Cycles that the copy and the start-up sequence take at most.
ENOUGH = 20_000


def start(rules: MemoryRules = RULES, *, round_trip: int = 0, divisor: float = 16) -> BoardProcess:
    return BoardProcess(build_board(board_verilog(round_trip)), rules, divisor=divisor)


@pytest.fixture
def board() -> Iterator[BoardProcess]:
    with start() as process:
        yield process


def inverted(data: bytes) -> bytes:
    return bytes(byte ^ 255 for byte in data)


@pytest.mark.parametrize("round_trip", [-1, 0, 2])
def test_the_design_copies_in_the_sdram(round_trip: int) -> None:
    data = random.Random(1).randbytes(SIZE)
    rules = dataclasses.replace(RULES, round_trip=round_trip)
    with start(rules, round_trip=round_trip) as board:
        assert board.memory_bytes == CHIP.size
        board.write_memory(0, data)
        board.step(ENOUGH)
        assert board.read_memory(TARGET, SIZE) == inverted(data)
        assert board.read_memory(0, SIZE) == data
        counters = board.counters(clear=True)
        assert counters.reads == counters.writes == SIZE // 8
        assert counters.words_read == counters.words_written == SIZE // 2
        assert counters.refreshes >= ENOUGH // RULES.refresh
        assert board.counters().reads == 0


def test_a_wrong_round_trip_reads_wrong_data() -> None:
    data = random.Random(2).randbytes(SIZE)
    with start(dataclasses.replace(RULES, round_trip=1)) as board:
        board.write_memory(0, data)
        board.step(ENOUGH)
        assert board.read_memory(TARGET, SIZE) != inverted(data)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rcd", 5, "tRCD"),
        ("rp", 5, "tRP"),
        ("ras", 300, "tRAS"),
        ("rc", 1000, "tRC"),
        ("rfc", 12, "tRFC"),
        ("rrd", 9, "tRRD"),
        ("wr", 9, "tWR"),
        ("mrd", 60, "tMRD"),
        ("cas", 3, "CAS latency"),
        ("refresh", 300, "tREFI"),
        ("power_up", 1000, "power-up time"),
        ("power_up_refreshes", 9, "start-up sequence"),
        ("column_bits", 8, "no such column"),
    ],
)
def test_a_broken_rule_ends_the_simulation(field: str, value: int, message: str) -> None:
    with start(dataclasses.replace(RULES, **{field: value})) as board:
        with pytest.raises(SimulationError, match=f"SDRAM.*{message}"):
            board.step(5 * ENOUGH)
        with pytest.raises(SimulationError, match=message):
            board.step(1)


def test_a_reset_starts_the_memory_again_and_keeps_its_contents(board: BoardProcess) -> None:
    board.step(ENOUGH)
    data = random.Random(3).randbytes(SIZE)
    board.write_memory(0, data)
    board.reset()
    cycle = board.cycle()
    board.step(ENOUGH)
    assert board.cycle() == cycle + ENOUGH
    assert board.read_memory(TARGET, SIZE) == inverted(data)


def test_a_file_must_fit_the_memory(board: BoardProcess) -> None:
    with pytest.raises(SimulationError, match="doesn't fit"):
        board.write_memory(CHIP.size - 1, b"ab")
    with pytest.raises(SimulationError, match="outside the memory"):
        board.read_memory(CHIP.size - 1, 2)


@pytest.mark.parametrize("divisor", [2, 3, 4.34, 16, 217.01])
def test_bytes_go_round_the_serial_line(divisor: float) -> None:
    data = random.Random(4).randbytes(60)
    with start(divisor=divisor) as board:
        board.send(data)
        before = board.cycle()
        assert board.receive(len(data), 1_000_000) == data
        # Ten bits a byte, without a gap.
        assert abs(board.cycle() - before - 10 * len(data) * divisor) <= divisor + 4
        assert board.receive(1, 5000) == b""
        assert board.waiting() == 0


def test_a_broken_frame_ends_the_simulation(board: BoardProcess) -> None:
    board.send(b"\0")
    board.step(20)
    board.set_divisor(3)
    with pytest.raises(SimulationError, match="stop bit is missing"):
        board.step(200)


def test_the_port_is_like_a_serial_port(board: BoardProcess) -> None:
    port = SimulatedPort(board, clock_hertz=CLOCK, timeout=1e-3)
    assert port.baudrate == CLOCK / 16
    assert port.write(b"abcdef") == 6
    assert port.read(4) == b"abcd"
    cycle = board.cycle()
    assert port.read(4) == b"ef"
    assert board.cycle() - cycle == round(1e-3 * CLOCK)
    port.write(b"gh")
    port.flush()
    board.step(20)
    assert port.in_waiting == 2
    port.reset_input_buffer()
    assert port.in_waiting == 0
    port.write(b"ijkl")
    port.reset_output_buffer()
    assert port.read(1) == b""
    port.baudrate = round(CLOCK / 4)
    assert board.divisor == 4
    port.write(b"mn")
    assert port.read(2) == b"mn"
    # Whoever only asks what is waiting gets it, too.
    port.write(b"o")
    asked = 0
    while port.in_waiting == 0:
        asked += 1
        assert asked < 4
    assert port.read(1) == b"o"
    port.close()
    assert not port.is_open
