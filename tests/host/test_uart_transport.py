# SPDX-License-Identifier: Apache-2.0
"""The way to a board over a serial port: whatever happens on the line, data is right or refused."""

import random

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.driver import Device
from dpu_host.errors import (
    BusError,
    DamagedTransferError,
    LinkLostError,
    MemorySizeError,
    NoAnswerError,
    RunTimeoutError,
)
from dpu_host.transports.uart import UartTransport
from dpu_spec.registers import BY_NAME, address
from tests.host.fake_device import FakeDevice
from tests.host.fake_port import FakePort, Once, random_noise
from tests.host.test_driver import CONFIGURATION, MODEL
from tests.support.link_model import MEMORY, REGISTERS, LinkModel

MEMORY_BYTES = 1 << 14
CLOCK_HERTZ = 50_000_000
#: Bytes that a burst sends: the reset, its own command, and the question behind it.
RESET, HEADER = 14, 6


class Board:
    """A board with a few registers, and a transport to it."""

    def __init__(self, *, seed: int = 0) -> None:
        self.registers: dict[int, int] = {}
        self.writes: list[tuple[int, int]] = []
        self.model = LinkModel(
            memory_bytes=MEMORY_BYTES,
            clock_hertz=CLOCK_HERTZ,
            read_register=lambda at: self.registers.get(at, at * 3),
            write_register=self.write_register,
        )
        self.model.memory[:] = random.Random(seed).randbytes(MEMORY_BYTES)
        self.port = FakePort(self.model)
        self.transport = UartTransport(self.port, clock=self.port.clock, name="port")

    def write_register(self, at: int, value: int) -> None:
        self.registers[at] = value
        self.writes.append((at, value))


def flip(byte: int) -> bytes:
    return bytes([byte ^ 0x10])


def drop(byte: int) -> bytes:
    return b""


def test_memory_is_read_and_written_at_any_address() -> None:
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    board = Board(seed=seed)
    shadow = bytearray(board.model.memory)
    assert board.transport.memory_bytes == MEMORY_BYTES
    assert board.transport.clock_hertz == CLOCK_HERTZ
    for _ in range(60):
        size = source.choice((0, 1, 2, 3, 4, 5, 1019, 1020, 1021, source.randrange(4000)))
        at = source.choice((0, MEMORY_BYTES - size, source.randrange(MEMORY_BYTES - size)))
        if source.random() < 0.5:
            data = source.randbytes(size)
            board.transport.write_memory(at, data)
            shadow[at : at + size] = data
        else:
            assert board.transport.read_memory(at, size) == shadow[at : at + size]
    assert board.model.memory == shadow
    assert board.transport.retries == 0


def test_registers_are_read_and_written() -> None:
    board = Board()
    assert board.transport.read_register(0x44) == 0x44 * 3
    board.transport.write_register(0x44, 0xDEADBEEF)
    assert board.writes == [(0x44, 0xDEADBEEF)]
    assert board.transport.read_register(0x44) == 0xDEADBEEF


def test_addresses_beyond_the_memory_are_refused() -> None:
    board = Board()
    with pytest.raises(MemorySizeError, match=r"2 bytes at 0x3FFF .* ends at 0x4000"):
        board.transport.read_memory(MEMORY_BYTES - 1, 2)
    with pytest.raises(MemorySizeError):
        board.transport.write_memory(-1, b"ab")


def test_progress_is_told_of_transfers_that_take_several_bursts() -> None:
    board = Board()
    told: list[tuple[int, int]] = []
    board.transport.progress = lambda moved, total: told.append((moved, total))
    board.transport.write_memory(0, bytes(2500))
    board.transport.read_memory(0, 100)
    assert told == [(1020, 2500), (2040, 2500), (2500, 2500)]


def test_a_long_transfer_costs_little_more_than_its_bytes() -> None:
    board = Board()
    before = board.port.sent
    board.transport.write_memory(0, bytes(MEMORY_BYTES))
    assert board.port.sent - before < 1.03 * MEMORY_BYTES
    before = board.port.received
    board.transport.read_memory(0, MEMORY_BYTES)
    assert board.port.received - before < 1.04 * MEMORY_BYTES


@pytest.mark.parametrize("rate", [2e-5, 2e-4])
def test_noise_is_survived_or_refused_but_never_overlooked(rate: float) -> None:
    first = random.randrange(1 << 30)
    print("first seed", first)
    retries = refused = 0
    for seed in range(first, first + 24):
        board = Board(seed=seed)
        source = random.Random(seed)
        shadow = bytearray(board.model.memory)
        board.port.noise = random_noise(seed, rate)
        try:
            for _ in range(10):
                size = source.randrange(1, 3000)
                at = source.randrange(MEMORY_BYTES - size)
                data = source.randbytes(size)
                board.transport.write_memory(at, data)
                shadow[at : at + size] = data
                assert board.model.memory == shadow
                at = source.randrange(MEMORY_BYTES - size)
                assert board.transport.read_memory(at, size) == shadow[at : at + size]
                board.transport.write_register(0x40, size)
                assert board.registers == {0x40: size}
                assert board.transport.read_register(0x40) == size
        except (DamagedTransferError, NoAnswerError):
            refused += 1
        retries += board.transport.retries
    print("retries", retries, "refused", refused)
    assert retries > (10 if rate > 1e-4 else 1)
    assert refused < (22 if rate > 1e-4 else 6)


@pytest.mark.parametrize("change", [flip, drop])
@pytest.mark.parametrize("index", [0, 1, 5, 13, 14, 15, 20, 27, 500, 1039, 1040, 1045])
def test_a_byte_that_is_damaged_on_its_way_out_is_written_again(index: int, change) -> None:
    """Of a write of 255 words: reset, header, data, question."""
    board = Board(seed=index)
    data = random.Random(index).randbytes(1020)
    before = bytes(board.model.memory)
    board.port.noise = Once("out", index, change)
    try:
        board.transport.write_memory(2000, data)
    except DamagedTransferError:
        # The header: then what it wrote may be anywhere.
        assert RESET <= index < RESET + HEADER
    else:
        assert board.model.memory == before[:2000] + data + before[3020:]
        # The reset's data don't matter.
        assert board.transport.retries == 1 or (change is flip and 6 <= index < RESET)


@pytest.mark.parametrize("change", [flip, drop])
@pytest.mark.parametrize("index", [*range(26), 30, 900, 1019, 1020, 1024, 1035, 1039])
@pytest.mark.parametrize("direction", ["out", "in"])
def test_a_byte_that_is_damaged_while_reading_is_read_again(
    direction: str, index: int, change
) -> None:
    board = Board(seed=index)
    before = bytes(board.model.memory)
    board.port.noise = Once(direction, index, change)
    try:
        found = board.transport.read_memory(2000, 1020)
    except DamagedTransferError:
        # The reset went to the DPU's registers.
        assert index < RESET
        assert board.writes
        return
    assert found == before[2000:3020]
    assert board.model.memory == before
    # Some bytes don't matter: those of a reset after a reset, and a question for too much.
    matters = direction == "in" or RESET <= index < RESET + HEADER
    assert matters <= board.transport.retries <= 1


@pytest.mark.parametrize("bit", range(30))
def test_a_write_that_went_to_another_place_is_not_passed_over(bit: int) -> None:
    """One bit of the address: where memory is overwritten elsewhere, it must be told."""
    board = Board(seed=bit)
    before = bytes(board.model.memory)
    data = b"abcdefgh"
    at = RESET + 2 + 3 - bit // 8
    board.port.noise = Once("out", at, lambda byte: bytes([byte ^ 1 << bit % 8]))
    try:
        board.transport.write_memory(2000, data)
    except DamagedTransferError:
        return
    assert board.model.memory == before[:2000] + data + before[2008:]
    assert board.transport.retries == 1


@pytest.mark.parametrize("words", [1, 64, 254, 255, 256])
def test_a_long_write_that_began_before_its_place_is_not_passed_over(words: int) -> None:
    """It ends inside of its place, as one that breaks off does."""
    board = Board(seed=words)
    before = bytes(board.model.memory)
    data = random.Random(words).randbytes(1020)
    right, wrong = ((0x4000_2000 - 4 * shift) // 4 for shift in (0, words))
    changes = iter(range(4))

    def noise(direction: str, sent: bytes) -> bytes:
        if direction == "in" or next(changes, None) != 0:
            return sent
        return sent.replace(right.to_bytes(4, "big"), wrong.to_bytes(4, "big"), 1)

    board.port.noise = noise
    with pytest.raises(DamagedTransferError, match="may have been overwritten"):
        board.transport.write_memory(0x2000, data)
    assert board.model.memory != before


def test_a_reset_that_went_to_registers_is_not_passed_over() -> None:
    """The burst behind it goes to its place with right data."""
    board = Board()
    board.port.noise = Once("out", 4, lambda byte: bytes([byte ^ 0x40]))
    with pytest.raises(DamagedTransferError, match="may have been overwritten"):
        board.transport.write_memory(2000, b"abcd")
    assert board.writes == [(0, 0), (4, 0)]


def test_answers_that_never_agree_are_refused() -> None:
    """The number of words written is damaged in each answer, in another way."""
    board = Board()
    bits = iter(range(1000))

    def noise(direction: str, data: bytes) -> bytes:
        if direction == "out" or len(data) < 32:
            return data
        return data[:-9] + bytes([data[-9] ^ (1 + next(bits))]) + data[-8:]

    board.port.noise = noise
    with pytest.raises(DamagedTransferError, match="no two answers of the board agree"):
        board.transport.write_memory(2000, b"abcd")
    assert next(bits) < 20


def test_a_read_that_became_a_write_is_not_passed_over() -> None:
    board = Board()
    before = bytes(board.model.memory)
    board.port.noise = Once("out", RESET, lambda byte: b"\x03")
    with pytest.raises(DamagedTransferError, match="may have been overwritten"):
        board.transport.read_memory(2000, 4)
    assert board.model.memory != before


def test_damage_without_end_is_refused_after_four_times() -> None:
    board = Board()
    times = 0

    def noise(direction: str, data: bytes) -> bytes:
        nonlocal times
        if direction == "in" and len(data) > 1000:
            times += 1
            return data[:100] + flip(data[100]) + data[101:]
        return data

    board.port.noise = noise
    with pytest.raises(DamagedTransferError, match="was damaged 4 times in a row"):
        board.transport.read_memory(0, 1020)
    assert times == 4


@pytest.mark.parametrize("change", [flip, drop])
def test_registers_are_written_once_more_when_their_value_was_damaged(change) -> None:
    board = Board()
    board.port.noise = Once("out", RESET + HEADER + 1, change)
    board.transport.write_register(0x40, 0x12345678)
    assert board.registers == {0x40: 0x12345678}
    assert board.transport.retries == 1


@pytest.mark.parametrize("direction", ["in", "out"])
def test_an_unplugged_board_is_told(direction: str) -> None:
    board = Board()
    board.port.unplug_after = 500 if direction == "out" else 1050
    with pytest.raises(LinkLostError, match=r"^port: .*disconnected.*plug the board in again"):
        board.transport.read_memory(0, 8000)


def test_bus_errors_are_told() -> None:
    board = Board()
    board.model.bad |= {MEMORY + 0x100, REGISTERS + 0x40}
    with pytest.raises(BusError, match="reading 0x40000100 to 0x40000108 was answered"):
        board.transport.read_memory(0x100, 8)
    with pytest.raises(BusError, match="writing 0xF0000040"):
        board.transport.write_register(0x40, 1)
    # The note is taken back.
    board.transport.read_memory(0x200, 8)
    board.transport.write_register(0x44, 1)


def test_a_damaged_bit_is_no_bus_error() -> None:
    board = Board()
    # The lowest byte of the status in the answer to a write.
    board.port.noise = Once("in", 7, lambda byte: bytes([byte | 4]))
    board.transport.write_memory(0, b"abcd")
    assert bytes(board.model.memory[:4]) == b"abcd"


def test_a_memory_that_is_not_ready_is_waited_for() -> None:
    model = LinkModel(
        memory_bytes=64, clock_hertz=1, read_register=int, write_register=lambda at, value: None
    )
    port = FakePort(model)
    model.ready = False
    with pytest.raises(BusError, match="doesn't become ready"):
        UartTransport(port, clock=port.clock)
    assert 1 < port.now < 2

    def noise(direction: str, data: bytes) -> bytes:
        model.ready = port.now > 2.2
        return data

    port.noise = noise
    transport = UartTransport(port, clock=port.clock)
    assert port.now > 2.2
    port.noise = None
    model.ready = False
    with pytest.raises(BusError, match="memory isn't ready"):
        transport.read_memory(0, 8)


def test_silence_is_told() -> None:
    board = Board()
    board.port.noise = lambda direction, data: b""
    with pytest.raises(NoAnswerError, match=r"nothing answers at 115200 baud; .*programmed"):
        UartTransport(board.port, 115200, clock=board.port.clock)
    with pytest.raises(NoAnswerError, match="no longer answers"):
        board.transport.read_register(0)


def test_a_wrong_baud_rate_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    source = random.Random(1)
    board.port.noise = lambda direction, data: source.randbytes(len(data) // 2)
    monkeypatch.setattr(board.model, "feed", lambda data: source.randbytes(30))
    with pytest.raises(NoAnswerError, match="no answer of a Tandem board"):
        UartTransport(board.port, clock=board.port.clock)


def test_something_that_never_stops_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    monkeypatch.setattr(board.port, "read", lambda size: b"hello " * 20)
    with pytest.raises(NoAnswerError, match="sends all the time"):
        UartTransport(board.port, clock=board.port.clock)


def test_wait_ends_with_the_interrupt_or_after_its_cycles() -> None:
    board = Board()
    start = board.port.now
    assert not board.transport.wait(CLOCK_HERTZ // 10)
    assert 0.1 <= board.port.now - start < 0.102
    board.model.interrupt = True
    start = board.port.now
    assert board.transport.wait(CLOCK_HERTZ)
    assert board.port.now - start < 0.002


def test_wait_does_not_believe_a_single_damaged_bit() -> None:
    board = Board()
    board.port.noise = Once("in", 7, lambda byte: bytes([byte | 1]))
    assert not board.transport.wait(CLOCK_HERTZ // 100)


@pytest.mark.parametrize("rate", [0.0, 1e-5])
def test_a_network_runs_through_the_driver(rate: float) -> None:
    graph = read_model(MODEL)
    program = compile_graph(graph, CONFIGURATION)
    fake = FakeDevice(CONFIGURATION, memory=1 << 17)
    model = LinkModel(
        memory_bytes=1 << 17,
        clock_hertz=CLOCK_HERTZ,
        read_register=fake.read_register,
        write_register=fake.write_register,
    )
    fake.memory = np.frombuffer(model.memory, np.uint8)
    port = FakePort(model)

    def noise(direction: str, data: bytes) -> bytes:
        model.interrupt = fake.interrupt
        return data if direction == "out" else inner(direction, data)

    inner = random_noise(5, rate)
    port.noise = noise
    with Device(UartTransport(port, clock=port.clock)) as device:
        device.load(program)
        (source,), (output,) = program.inputs, program.outputs
        example = np.random.default_rng(1).integers(-128, 128, (1, 28, 28, 1)).astype(np.int8)
        found = device.infer({source: example})
        np.testing.assert_array_equal(found[output], graph.run({source: example})[output])
        fake.hang = True
        with pytest.raises(RunTimeoutError):
            device.infer({source: example})
        assert (
            BY_NAME["STATUS"].field("done").get(device.transport.read_register(address("STATUS")))
        )
    assert port.closed
