# SPDX-License-Identifier: Apache-2.0
"""The PLL's dividers, and when the SDRAM's clock comes."""

import pytest

from dpu_boards.clocks import ClockError, ecp5_pll_settings
from dpu_boards.memory_wiring import memory_wiring
from dpu_hw.sdram import IS42S16160


@pytest.mark.parametrize("source", [12e6, 25e6, 27e6, 50e6, 100e6])
@pytest.mark.parametrize("wanted", [25e6, 48e6, 60e6, 80e6, 100e6, 133e6])
def test_the_pll_stays_in_its_limits(source, wanted):
    settings = ecp5_pll_settings(source, wanted)
    detector = source / settings.reference
    assert 10e6 <= detector <= 400e6
    assert 400e6 <= detector * settings.feedback <= 800e6
    assert 1 <= settings.output <= 128
    assert 0.95 * wanted <= settings.frequency(source) <= wanted * 1.000001


def test_exact_frequencies_are_found():
    assert ecp5_pll_settings(25e6, 80e6).frequency(25e6) == 80e6
    assert ecp5_pll_settings(50e6, 100e6).frequency(50e6) == 100e6


@pytest.mark.parametrize("wanted", [1e6, 1e9])
def test_what_the_pll_cannot_make_is_refused(wanted):
    with pytest.raises(ClockError, match=f"{wanted / 1e6:g} MHz from 25 MHz"):
        ecp5_pll_settings(25e6, wanted)


@pytest.mark.parametrize("mhz", [50, 60, 75, 80, 90, 100])
def test_read_data_is_taken_while_it_is_there(mhz):
    period = 1e3 / mhz
    cas = 2 if period >= IS42S16160.cas2_period else 3
    wiring = memory_wiring(IS42S16160, mhz * 1e6)
    # A command leaves its pad at 0 and the chip takes it at this time; commands change at each
    # multiple of the period.
    taken = wiring.phase * period
    assert 1.5 < taken < period - 0.8
    # The pad takes data at a multiple of the period, the controller sees it one later, and a
    # round trip of 0 would be a command's register, a cycle to the chip and the latency.
    edge = (wiring.round_trip - 1 + cas) * period
    assert taken + (cas - 1) * period + 6.0 + 5.0 + wiring.margin <= edge + 1e-6
    assert edge + wiring.margin <= taken + cas * period + 2.7 + 5.0 + 1e-6
    assert wiring.margin > 2


def test_a_clock_that_is_too_fast_is_refused():
    with pytest.raises(ValueError, match="143 MHz"):
        memory_wiring(IS42S16160, 200e6)
