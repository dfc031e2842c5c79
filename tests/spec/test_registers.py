# SPDX-License-Identifier: Apache-2.0
"""The register map."""

import itertools

import pytest

from dpu_spec import registers
from dpu_spec.configuration import ARCHITECTURE_VERSION, Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES
from dpu_spec.presets import PRESETS, preset
from dpu_spec.registers import BY_NAME, REGISTERS, ROM_ADDRESS, Access, Error


def test_addresses_are_words_of_their_own():
    addresses = [register.address for register in REGISTERS]
    assert len(set(addresses)) == len(addresses) == len(BY_NAME)
    assert all(address % 4 == 0 for address in addresses)
    assert max(addresses) < ROM_ADDRESS


@pytest.mark.parametrize("name", PRESETS)
def test_the_rom_fits_the_decoded_addresses(name):
    words = registers.rom(preset(name))
    assert words[0] == len(words) - 1
    assert words[1:] == list(preset(name).parameters().values())
    assert ROM_ADDRESS + 4 * len(words) <= 1 << registers.ADDRESS_BITS


def test_parts_of_registers_dont_overlap():
    for register in REGISTERS:
        for part in register.bits:
            assert part.offset + part.width <= 32
        for a, b in itertools.combinations(register.bits, 2):
            assert a.put(-1) & b.put(-1) == 0


def test_parts_of_a_value():
    part = BY_NAME["STATUS"].field("error_instruction")
    assert part.put(0x1234) == 0x12340000
    assert part.put(0x51234) == 0x12340000
    assert part.get(0x1234FFFF) == 0x1234
    with pytest.raises(KeyError, match=r"STATUS\.nothing"):
        BY_NAME["STATUS"].field("nothing")


def test_the_first_registers_say_what_the_device_is():
    assert [r.name for r in REGISTERS[:3]] == ["PRODUCT_ID", "VERSION", "CONFIGURATION_HASH"]
    assert [r.address for r in REGISTERS[:3]] == [0, 4, 8]
    assert registers.identity(Configuration()) == {
        "PRODUCT_ID": 0x4D444E54,
        "VERSION": ARCHITECTURE_VERSION,
        "CONFIGURATION_HASH": Configuration().hash,
    }


def test_every_window_engine_and_counter_has_registers():
    for name in WINDOW_NAMES:
        assert registers.address(f"{name.upper()}_SIZE") == 4 + registers.address(
            f"{name.upper()}_BASE"
        )
    for engine in Engine:
        assert registers.address(f"{engine.name}_COUNT") == 4 + registers.address(
            f"{engine.name}_STREAM"
        )
        for counter, _ in registers.COUNTERS:
            assert BY_NAME[f"{engine.name}_{counter.upper()}"].access is Access.READ


def test_errors_and_engines_fit_their_fields():
    status = BY_NAME["STATUS"]
    assert max(Error) < 1 << status.field("error").width
    assert max(Engine) < (1 << status.field("error_engine").width) - 1
    assert all(e.name.lower() in status.field("error").doc for e in Error)
