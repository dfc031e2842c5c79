# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Chips, their times in cycles, and what is refused."""

import dataclasses

import pytest

from dpu_hw.sdram import CHIPS, IS42S16160, Sdram, SdramTiming
from dpu_hw.sdram.turns import Turns


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("clock", [25e6, 48e6, 50e6, 83.3e6, 100e6, 133e6])
def test_cycles_are_never_shorter_than_the_time(name, clock):
    chip, period = CHIPS[name], 1e9 / clock
    timing = SdramTiming.of(chip, clock)
    for field in ("rcd", "rp", "ras", "rc", "rfc", "rrd", "wr", "power_up"):
        cycles = getattr(timing, field)
        assert cycles * period >= getattr(chip, field) - 1e-3
        if field != "wr":
            assert (cycles - 1) * period < getattr(chip, field)
    assert timing.refresh * period * chip.refreshes <= chip.refresh_period + 1
    assert timing.cas == (2 if clock <= 100e6 else 3)


def test_sizes():
    assert {name: chip.size >> 20 for name, chip in CHIPS.items()} == {
        "IS42S16160": 32,
        "W9825G6KH": 32,
        "AS4C32M16": 64,
    }
    dut = Sdram(chip=IS42S16160, clock_hertz=50e6, data_bytes=8)
    assert (dut.size, dut.data_bytes, dut.round_trip) == (32 << 20, 8, 0)
    assert dut.timing.refresh == 390


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"row_bits": 14}, "row_bits"),
        ({"column_bits": 11}, "address pin 10"),
        ({"rcd": 0}, "rcd must be more than 0"),
        ({"cas3_period": 12}, "slower clock"),
    ],
)
def test_chips_that_cannot_be(changed, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(IS42S16160, **changed)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"clock_hertz": 166e6}, "at most 143 MHz"),
        ({"clock_hertz": 5e6}, "faster clock"),
        ({"clock_hertz": 0}, "more than 0 hertz"),
        ({"data_bytes": 2}, "4, 8 or 16 bytes"),
        ({"data_bytes": 32}, "4, 8 or 16 bytes"),
        ({"round_trip": -2}, "round trip"),
    ],
)
def test_controllers_that_cannot_be(changed, message):
    good = {"chip": IS42S16160, "clock_hertz": 50e6, "data_bytes": 8}
    with pytest.raises(ValueError, match=message):
        Sdram(**{**good, **changed})


def test_a_turn_has_a_beat():
    with pytest.raises(ValueError, match="one beat"):
        Turns(beats=0)
