# SPDX-License-Identifier: Apache-2.0
"""The SDRAM controller against a model of the chip that checks every rule."""

import dataclasses
import random

import pytest

from dpu_hw.sdram import AS4C32M16, IS42S16160, W9825G6KH
from tests.hw.sdram.bench import Bench, short
from tests.hw.sdram.model import BrokenRule

PAGE = 4096


def write(source, address, beats, width, *, strobed=False):
    """Return a write burst of random bytes."""
    size = beats * width
    strobes = [source.randint(0, 1) if strobed else 1 for _ in range(size)]
    return address, beats, source.randbytes(size), strobes


def linear(start, bursts, beats, width):
    """Return bursts one behind the other."""
    return [(start + index * beats * width, beats) for index in range(bursts)]


def pages(source, chip, count):
    """Return pages of few rows, so that rows of a bank take turns."""
    rows = [0, 1, 2, (1 << chip.row_bits) - 1]
    bytes_of_row = chip.size >> chip.row_bits
    every = [
        row * bytes_of_row + page * PAGE for row in rows for page in range(bytes_of_row // PAGE)
    ]
    return source.sample(every, min(count, len(every)))


def burst_in(source, page, width):
    """Return a random burst inside a page."""
    beats = PAGE // width
    first = source.randrange(beats)
    most = min(beats - first, 256)
    length = source.choice((1, 1, 2, 3, 4, 16, most))
    return page + first * width, min(length, most)


@pytest.mark.parametrize("stall", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("width", [4, 8, 16])
def test_random_bursts(width, stall):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    chip = source.choice((IS42S16160, W9825G6KH, AS4C32M16))
    clock = source.choice((25e6, 50e6, 66.7e6, 100e6, 133e6))
    round_trip = source.randint(-1, 2)
    print(chip.name, clock, round_trip)
    bench = Bench(
        chip, clock_hertz=clock, data_bytes=width, round_trip=round_trip, stall=stall, seed=seed
    )
    phases = []
    for _ in range(4):
        chosen = pages(source, chip, 4)
        reads = [burst_in(source, source.choice(chosen[:2]), width) for _ in range(6)]
        places = [burst_in(source, source.choice(chosen[2:]), width) for _ in range(6)]
        writes = [write(source, *place, width, strobed=True) for place in places]
        phases.append((reads, writes))
        # What has just been written is read, row conflicts with the reads' bank or not.
        phases.append((places[:3], []))
    bench.run(phases)
    bench.compare()
    assert bench.model.counts["MODE"] == 1


@pytest.mark.parametrize("width", [4, 8, 16])
def test_whole_pages_and_single_beats(width):
    source = random.Random(width)
    bench = Bench(IS42S16160, clock_hertz=100e6, data_bytes=width)
    beats = min(256, PAGE // width)
    singles = [PAGE + width * source.randrange(PAGE // width) for _ in range(24)]
    last = IS42S16160.size - beats * width
    bench.run(
        [
            ([], [write(source, 0, beats, width), write(source, last, beats, width)]),
            ([(0, beats), (last, beats)], [write(source, a, 1, width) for a in singles]),
            ([(address, 1) for address in singles], []),
        ]
    )
    bench.compare()


def test_bursts_outside_the_chip_are_refused_and_change_nothing():
    source = random.Random(1)
    bench = Bench(IS42S16160, clock_hertz=50e6, data_bytes=8)
    size = IS42S16160.size
    bench.run(
        [
            ([], [write(source, 0, 8, 8)]),
            ([(size, 2), (0, 8)], [write(source, size, 8, 8), write(source, 64, 2, 8)]),
            ([(0, 10), (0x8000_0000, 1)], [write(source, 0xFFFF_F000, 1, 8)]),
        ]
    )
    bench.compare()


# Least shares of the pins' two bytes a cycle: reads, writes, both at once; refresh included.
@pytest.mark.parametrize(("clock", "width", "least"), [
    (50e6, 4, (0.96, 0.96, 0.92)),
    (50e6, 8, (0.96, 0.96, 0.92)),
    (100e6, 8, (0.97, 0.97, 0.93)),
    (100e6, 16, (0.97, 0.97, 0.93)),
])  # fmt: skip
def test_bandwidth(clock, width, least):
    source = random.Random(2)
    bench = Bench(W9825G6KH, clock_hertz=clock, data_bytes=width)
    bursts, beats = 32, 16
    reads = linear(0, bursts, beats, width)
    writes = [write(source, *place, width) for place in linear(1 << 20, bursts, beats, width)]
    times = bench.run([(reads, []), ([], writes), (reads, writes)])
    bench.compare()
    ideal = bursts * beats * width // 2
    for name, time, share, amount in zip(
        ("read", "write", "both"), times, least, (1, 1, 2), strict=True
    ):
        assert amount * ideal / time > share, f"{name}: {amount * ideal} words in {time} cycles"


def test_reads_and_writes_of_different_rows_of_a_bank_take_turns():
    source = random.Random(3)
    bench = Bench(IS42S16160, clock_hertz=100e6, data_bytes=8)
    reads = linear(0, 32, 16, 8)
    writes = [write(source, *place, 8) for place in linear(0x4000, 32, 16, 8)]
    (time,) = bench.run([(reads, writes)])
    bench.compare()
    assert 2 * 32 * 16 * 4 / time > 0.85


def test_the_chip_is_refreshed_while_nothing_and_while_everything_goes_on():
    bench = Bench(IS42S16160, clock_hertz=50e6, data_bytes=8, stall=0.9)
    bench.run([(linear(0, 8, 16, 8), [])])
    interval = 7812.5 / 20
    assert (
        bench.model.since_start >= (bench.model.cycle - bench.model.operating_since) // interval - 1
    )


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rcd", 40, "tRCD"),
        ("rp", 50, "tRP"),
        ("ras", 400, "tRAS"),
        ("rc", 400, "tRC"),
        ("rfc", 120, "tRFC"),
        ("rrd", 60, "tRRD"),
        ("wr", 60, "tWR"),
        ("mrd_cycles", 40, "tMRD"),
        ("refresh_period", 16e6, "tREFI"),
        ("power_up", 4e3, "power-up time"),
        ("power_up_refreshes", 9, "start-up sequence"),
        ("cas2_period", 11, "CAS latency"),
        ("column_bits", 8, "column"),
    ],
)
def test_the_model_catches_what_is_too_fast(field, value, message):
    source = random.Random(4)
    chip = IS42S16160
    bench = Bench(chip, clock_hertz=100e6, data_bytes=8)
    bench.model.chip = dataclasses.replace(short(chip), **{field: value})
    places = [(row << 12, 4) for row in range(6)] + linear(0x8000, 16, 128, 8)
    writes = [write(source, *place, 8) for place in places]
    with pytest.raises(BrokenRule, match=message):
        bench.run([([], writes), (places, writes)])
