# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The bridge, byte for byte against a model of the protocol."""

import random
import zlib

import pytest

from dpu_hw.link.bridge import UartBridge
from dpu_spec.memory_map import LINK_BASE, MEMORY_BASE, REGISTER_BASE
from dpu_spec.uartbone import Command, header
from tests.hw.link.bench import CLOCK, LINK, MEMORY, MEMORY_BYTES, REGISTERS, Bench

SETTINGS = [(4, 0.0, (1, 1)), (8, 0.6, (1, 40)), (16, 0.3, (1, 9))]


def read(address, words=1, *, fixed=False):
    return header(Command.READ_FIXED if fixed else Command.READ, words, address)


def write(address, data, *, fixed=False):
    """Return a command that writes bytes as they lie in memory."""
    command = Command.WRITE_FIXED if fixed else Command.WRITE
    words = [data[i : i + 4][::-1] for i in range(0, len(data), 4)]
    return header(command, len(words), address) + b"".join(words)


def link_words(found):
    return [int.from_bytes(found[i : i + 4], "big") for i in range(0, len(found), 4)]


def test_model_and_specification_have_the_same_addresses():
    assert (MEMORY, REGISTERS, LINK) == (MEMORY_BASE, REGISTER_BASE, LINK_BASE)


@pytest.mark.parametrize(("data_bytes", "stall", "latency"), SETTINGS)
@pytest.mark.parametrize("base", [MEMORY + 0x104, REGISTERS + 0x40])
@pytest.mark.parametrize("fixed", [False, True])
def test_each_command_does_what_the_protocol_says(data_bytes, stall, latency, base, fixed):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    bench = Bench(data_bytes=data_bytes, stall=stall, latency=latency, seed=seed)
    source = random.Random(seed)

    async def process(ctx):
        for words in (1, 2, 5):
            data = source.randbytes(4 * words)
            await bench.agree(ctx, write(base, data, fixed=fixed))
            await bench.agree(ctx, read(base - 4, words + 2, fixed=fixed))

    bench.run(process)


def test_a_fixed_write_ends_with_its_last_word():
    bench = Bench(data_bytes=8)

    async def process(ctx):
        await bench.agree(ctx, write(REGISTERS + 8, bytes(range(1, 17)), fixed=True))
        await bench.agree(ctx, read(REGISTERS, 6))
        await bench.agree(ctx, read(LINK, 8))

    bench.run(process)
    assert bench.registers.values == {8: ~0x100F0E0D & 0xFFFFFFFF}


def test_longest_bursts():
    bench = Bench(data_bytes=16)
    data = random.Random(1).randbytes(1024)

    async def process(ctx):
        command = write(MEMORY + 0x80, data)
        assert command[1] == 0
        await bench.agree(ctx, command)
        command = read(MEMORY + 0x80, 255)
        assert command[1] == 255
        assert len(await bench.agree(ctx, command)) == 1020
        await bench.agree(ctx, read(LINK, 8))
        assert len(await bench.agree(ctx, read(LINK + 8, 256, fixed=True))) == 1024

    bench.run(process)
    assert bench.memory.data[0x80:0x480] == data


def test_a_word_of_memory_is_little_endian():
    bench = Bench(data_bytes=8)

    async def process(ctx):
        await bench.exchange(ctx, header(Command.WRITE, 1, MEMORY + 12) + b"\x12\x34\x56\x78")
        bench.model.memory[12:16] = b"\x78\x56\x34\x12"

    bench.run(process)


def test_link_registers_tell_state_sizes_and_checks():
    bench = Bench(data_bytes=8, seed=3)
    data = b"some bytes of data, words: 7"

    async def process(ctx):
        found = link_words(await bench.agree(ctx, read(LINK, 8)))
        assert found == [0, 0b010, MEMORY_BYTES, 1_000_000, 0, 0, 0xFFFF_FFFC, 0]
        await bench.agree(ctx, write(MEMORY + 64, data))
        await bench.agree(ctx, read(MEMORY + 64, 7))
        found = link_words(await bench.agree(ctx, read(LINK, 8)))
        crossed = b"".join(data[i : i + 4][::-1] for i in range(0, 28, 4))
        assert found[0] == zlib.crc32(crossed + crossed)
        assert found[1] == 0b010
        assert found[4:] == [MEMORY + 92, 7, MEMORY + 64, MEMORY + 88]
        await bench.agree(ctx, write(REGISTERS + 4, bytes(4)))
        await bench.agree(ctx, write(MEMORY + 8, bytes(4)))
        found = link_words(await bench.agree(ctx, read(LINK, 8)))
        assert found[5:] == [9, MEMORY + 8, REGISTERS + 4]
        await bench.agree(ctx, write(LINK, b"\0\0\0\0"))
        ctx.set(bench.dut.interrupt, 1)
        bench.model.interrupt = True
        found = link_words(await bench.agree(ctx, read(LINK, 8)))
        assert found[:2] == [0, 0b011]
        assert found[5:] == [9, 0xFFFF_FFFC, 0]
        await bench.agree(ctx, read(REGISTERS))
        found = link_words(await bench.agree(ctx, read(LINK, 2)))
        assert found == [zlib.crc32(bytes(4)), 0b011]

    bench.run(process)


@pytest.mark.parametrize(
    "address",
    [
        *(0, MEMORY - 4, MEMORY + MEMORY_BYTES, REGISTERS - 4),
        *(LINK + 0x20, LINK + 0x3C, LINK + 0x40, 0xFFFF_FFFC),
    ],
)
def test_addresses_that_lead_nowhere_read_as_zero_and_are_noted(address):
    bench = Bench(data_bytes=8)

    async def process(ctx):
        assert await bench.agree(ctx, read(address)) == bytes(4)
        assert link_words(await bench.agree(ctx, read(LINK, 2)))[1] == 0b110
        await bench.agree(ctx, write(LINK + 4, bytes(4)))
        assert link_words(await bench.agree(ctx, read(LINK, 2)))[1] == 0b010
        await bench.agree(ctx, write(address, b"1234"))
        assert link_words(await bench.agree(ctx, read(LINK, 2)))[1] == 0b110

    bench.run(process)


def test_a_word_address_beyond_32_bits_of_bytes_leads_nowhere():
    bench = Bench(data_bytes=8)

    async def process(ctx):
        # The address of the DRAM, with a bit more above it.
        assert await bench.exchange(ctx, b"\x02\x01\x50\x00\x00\x00") == bytes(4)
        bench.model.failed = True
        await bench.agree(ctx, read(LINK, 2))

    bench.run(process)


@pytest.mark.parametrize("address", [MEMORY + 0x40, REGISTERS + 0x40])
def test_error_responses_are_noted(address):
    bench = Bench(data_bytes=8, stall=0.3, latency=(1, 9))
    bench.refuse(address)

    async def process(ctx):
        assert (await bench.agree(ctx, read(address - 8, 3)))[8:] == bytes(4)
        assert link_words(await bench.agree(ctx, read(LINK, 2)))[1] == 0b110
        await bench.agree(ctx, write(LINK + 4, bytes(4)))
        await bench.agree(ctx, write(address, b"9876"))
        assert link_words(await bench.agree(ctx, read(LINK, 2)))[1] == 0b110

    bench.run(process)


def test_a_memory_that_is_not_ready_is_left_alone():
    bench = Bench(data_bytes=8)
    bench.model.ready = False

    async def process(ctx):
        ctx.set(bench.dut.memory_ready, 0)
        assert await bench.agree(ctx, read(MEMORY, 2)) == bytes(8)
        await bench.agree(ctx, write(MEMORY + 8, b"abcd"))
        await bench.agree(ctx, read(REGISTERS + 4))
        await bench.agree(ctx, read(LINK, 8))
        assert not bench.memory_bus.accesses

    bench.run(process)


def test_garbage_that_is_no_command_is_skipped_at_once():
    bench = Bench(data_bytes=8)

    async def process(ctx):
        await bench.agree(ctx, b"\0\xff\x05zzz" + read(MEMORY, 2))
        await bench.agree(ctx, b"\0" + read(LINK, 8))

    bench.run(process)


@pytest.mark.parametrize("length", [1, 2, 4, 5, 6, 8, 13])
def test_a_command_that_breaks_off_is_forgotten(length):
    bench = Bench(data_bytes=8)

    async def process(ctx):
        await bench.agree(ctx, write(MEMORY, b"abcdefgh")[:length])
        await bench.forget(ctx)
        await bench.agree(ctx, read(MEMORY, 3))
        await bench.agree(ctx, read(LINK, 8))

    bench.run(process)


def test_a_command_may_take_its_time_between_bytes():
    bench = Bench(data_bytes=8)

    async def process(ctx):
        for byte in write(MEMORY, b"abcdefgh"):
            await bench.agree(ctx, bytes([byte]))
        await bench.agree(ctx, read(LINK, 8))

    bench.run(process)


def test_a_bus_that_does_not_answer_does_not_stop_the_link():
    bench = Bench(data_bytes=8)

    async def process(ctx):
        bench.register_bus.dead = True
        # Answered late, when it is no longer wanted; the rest of the command is forgotten.
        assert await bench.exchange(ctx, read(REGISTERS + 16, 3)) == b""
        await bench.forget(ctx)
        await bench.agree(ctx, read(LINK, 8))
        await bench.agree(ctx, read(MEMORY, 2))
        # The next access waits when the answer to the old one comes, and must not take it.
        bench.line.received.clear()
        await bench.line.send(ctx, read(REGISTERS + 32, 2))
        await ctx.delay(50 * CLOCK)
        bench.register_bus.dead = False
        await bench.quiet(ctx)
        assert bytes(bench.line.received) == bench.model.feed(read(REGISTERS + 32, 2))
        # The same with a write, and what comes behind it.
        bench.register_bus.dead = True
        assert await bench.exchange(ctx, write(REGISTERS + 16, b"12345678")) == b""
        bench.register_bus.dead = False
        await bench.forget(ctx)
        await bench.agree(ctx, read(REGISTERS + 32, 2))
        bench.expected.write(16, int.from_bytes(b"1234", "little"))

    bench.run(process)


def test_breaks_between_commands_and_inside_them():
    bench = Bench(data_bytes=8)

    async def broken(ctx):
        ctx.set(bench.dut.rx, 0)
        await ctx.delay(30 * bench.line.bit)
        ctx.set(bench.dut.rx, 1)
        await ctx.delay(2 * bench.line.bit)

    async def process(ctx):
        await broken(ctx)
        await bench.agree(ctx, read(MEMORY, 2))
        command = write(MEMORY, b"abcdefgh")
        bench.model.feed(command[:9])
        await bench.line.send(ctx, command[:9])
        await broken(ctx)
        # A break is no byte: the command goes on, or is forgotten.
        await bench.agree(ctx, command[9:])
        await bench.line.send(ctx, b"\x02\x01")
        await bench.line.send(ctx, b"\x10", stop=0)
        await bench.forget(ctx)
        await bench.agree(ctx, read(MEMORY, 3))

    bench.run(process)


def test_commands_may_follow_each_other_while_answers_are_sent():
    bench = Bench(data_bytes=8, latency=(1, 30))

    async def process(ctx):
        await bench.agree(ctx, read(MEMORY + 16, 40) + read(LINK, 8))
        await bench.agree(ctx, write(LINK, bytes(4)) + read(REGISTERS, 40) + read(LINK, 8))
        # Data that waits comes faster than the CRC takes it.
        data = bytes(range(100, 108))
        await bench.agree(ctx, read(MEMORY, 3) + write(MEMORY + 64, data) + read(LINK, 8))

    bench.run(process)


@pytest.mark.parametrize(("clocks", "error"), [(4, -0.02), (5, 0.02)])
def test_random_commands(clocks, error):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    bench = Bench(
        data_bytes=source.choice((4, 8, 16)),
        clocks=clocks,
        error=error,
        stall=source.choice((0.0, 0.3, 0.7)),
        latency=(1, source.choice((1, 10, 60))),
        seed=seed,
    )
    bases = (MEMORY, MEMORY + MEMORY_BYTES - 16, REGISTERS, REGISTERS + 0xFFF0, LINK, 0)

    async def process(ctx):
        for _ in range(40):
            address = source.choice(bases) + 4 * source.randrange(8)
            words = source.choice((1, 1, 2, source.randrange(3, 9)))
            kind = source.random()
            if kind < 0.1:
                await bench.agree(ctx, bytes(source.choices((0, *range(5, 256)), k=3)))
            elif kind < 0.2:
                command = write(address, source.randbytes(4 * words))
                await bench.agree(ctx, command[: source.randrange(1, len(command))])
                await bench.forget(ctx)
            elif kind < 0.6:
                data = source.randbytes(4 * words)
                await bench.agree(ctx, write(address, data, fixed=source.random() < 0.5))
            else:
                await bench.agree(ctx, read(address, words, fixed=source.random() < 0.5))
        await bench.agree(ctx, read(LINK, 8))

    bench.run(process)


def test_sizes_and_rates_that_cannot_be_are_refused():
    values = {"clock_hertz": 10**6, "baud": 10**5, "data_bytes": 8}
    with pytest.raises(ValueError, match="multiple of 8 bytes, at most 2147483648, not 1028"):
        UartBridge(**values, memory_bytes=1028)
    with pytest.raises(ValueError, match="not 4294967296"):
        UartBridge(**values, memory_bytes=1 << 32)
    with pytest.raises(ValueError, match="4, 8 or 16 bytes, not 2"):
        UartBridge(**values | {"data_bytes": 2}, memory_bytes=1024)
    with pytest.raises(ValueError, match="300000 baud"):
        UartBridge(**values | {"baud": 300_000}, memory_bytes=1024)
