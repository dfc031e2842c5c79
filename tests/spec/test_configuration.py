# SPDX-License-Identifier: Apache-2.0
"""The configuration's rules, sentence by sentence, its derived sizes, its files and presets."""

import dataclasses
import json
import re

import pytest

from dpu_spec.configuration import (
    ARCHITECTURE_VERSION,
    Configuration,
    ConfigurationError,
    from_file,
    from_parameters,
    is_power_of_two,
    parameter_documentation,
)
from dpu_spec.presets import PRESET_NOTES, PRESETS, preset

NAMES = [field.name for field in dataclasses.fields(Configuration)]


def refused(**values):
    """Return the message for a change of the default configuration."""
    with pytest.raises(ConfigurationError) as caught:
        Configuration(**values)
    return str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [-1, 1.5, "8", True, None])
def test_parameters_are_whole_numbers(name, value):
    text = f"{name} must be a whole number of 0 or more, not {value!r}."
    assert refused(**{name: value}) == text


@pytest.mark.parametrize("value", [0, 2, 6, 32])
def test_lanes(value):
    assert f"lanes must be 4, 8 or 16, not {value}." in refused(lanes=value)


@pytest.mark.parametrize("value", [0, 4, 12, 24, 64])
def test_columns(value):
    assert refused(columns=value, array_logic_multipliers=0) == (
        f"columns must be 1, 2 or 4 times lanes (8), not {value}."
    )


@pytest.mark.parametrize("value", [8, 16, 32])
def test_columns_that_fit(value):
    assert Configuration(columns=value).column_blocks == value // 8


@pytest.mark.parametrize("value", [0, 2, 32])
def test_axi_bytes(value):
    assert refused(axi_bytes=value) == f"axi_bytes must be 4, 8 or 16, not {value}."


@pytest.mark.parametrize("value", [0, 2, 32])
def test_scratchpad_banks(value):
    assert refused(scratchpad_banks=value) == (f"scratchpad_banks must be 4, 8 or 16, not {value}.")


@pytest.mark.parametrize("value", [2, 16])
def test_patch_reader(value):
    assert [Configuration(patch_reader=there).patch_reader for there in (0, 1)] == [0, 1]
    assert refused(patch_reader=value) == f"patch_reader must be 0 or 1, not {value}."


def test_array_logic_multipliers():
    Configuration(array_logic_multipliers=128)
    assert refused(array_logic_multipliers=129) == (
        "array_logic_multipliers must be at most the array's 128, not 129."
    )


def test_depthwise_logic_multipliers():
    Configuration(depthwise_logic_multipliers=72)
    assert refused(depthwise_logic_multipliers=73) == (
        "depthwise_logic_multipliers must be at most 9 x depthwise_lanes = 72, not 73."
    )
    fewer = {"depthwise_lanes": 4, "depthwise_requantizers": 4}
    assert Configuration(**fewer, depthwise_logic_multipliers=36).depthwise_parts == 2
    assert "= 36, not 37" in refused(**fewer, depthwise_logic_multipliers=37)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("scratchpad_words", 512, 32768),
        ("weight_words", 128, 65536),
        ("accumulator_depth", 64, 4096),
        ("partial_sum_depth", 32, 1024),
        ("conv_parameter_words", 64, 16384),
        ("depthwise_parameter_words", 64, 16384),
        ("instruction_queue", 2, 64),
        ("read_outstanding", 1, 64),
        ("write_outstanding", 1, 64),
    ],
)
def test_sizes_are_powers_of_two_in_a_range(name, low, high):
    for value in (low, 2 * low, high):
        assert getattr(Configuration(**{name: value}), name) == value
    for value in (low // 2, 2 * high, high - 1, 2 * low + 1):
        assert refused(**{name: value}) == (
            f"{name} must be a power of two from {low} to {high}, not {value}."
        )


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("conv_requantizers", "lanes"),
        ("depthwise_lanes", "lanes"),
        ("depthwise_requantizers", "depthwise_lanes"),
        ("vector_lanes", "lanes"),
    ],
)
def test_lane_counts_are_powers_of_two_up_to_lanes(name, bound):
    others = {"depthwise_lanes": 8, "depthwise_requantizers": 1, "depthwise_logic_multipliers": 0}
    for value in (1, 2, 4, 8):
        Configuration(**{**others, name: value})
    for value in (0, 3, 16):
        assert f"{name} must be a power of two up to {bound} (8), not {value}." in refused(
            **{**others, name: value}
        )


def test_every_broken_rule_has_a_sentence():
    message = refused(axi_bytes=5, scratchpad_banks=5, weight_words=5)
    assert message.count("must be") == 3
    assert [m.split()[0] for m in message.split(". ")] == [
        "axi_bytes",
        "scratchpad_banks",
        "weight_words",
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_keep_the_rules(name):
    assert preset(name).broken_rules() == []
    assert PRESET_NOTES[name]


def test_the_number_in_a_presets_name_counts_multipliers():
    for name, configuration in PRESETS.items():
        if match := re.fullmatch(r"b(\d+)", name):
            assert configuration.array_multipliers == int(match[1])


@pytest.mark.parametrize("name", ["b512", None, ["b128"]])
def test_an_unknown_preset(name):
    with pytest.raises(ConfigurationError, match="no such preset; the presets are tiny, b16, b128"):
        preset(name)


def test_derived_sizes():
    c = Configuration()
    assert c.word_bits == 64
    assert c.array_multipliers == 128
    assert (c.depthwise_multipliers, c.depthwise_parts) == (72, 1)
    assert c.column_blocks == 2
    assert c.weight_rows == 4096
    assert c.scratchpad_bytes == 131072
    assert c.weight_bytes == 65536
    assert c.accumulator_bank == 512
    assert c.scale_words == 9


def test_a_configuration_cannot_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Configuration().lanes = 4


@pytest.mark.parametrize("value", [0, 3, 6, -2])
def test_what_is_no_power_of_two(value):
    assert not is_power_of_two(value)


def test_the_hash_is_one_of_all_parameters():
    hashes = {preset(name).hash for name in PRESETS} | {Configuration(read_outstanding=4).hash}
    assert len(hashes) == len(PRESETS) + 1
    assert all(0 <= value < 2**32 for value in hashes)
    assert Configuration().hash == preset("b128").hash


def test_differences_name_each_parameter():
    other = Configuration(vector_lanes=8, weight_words=4096)
    assert Configuration().differences(other) == [
        "weight_words is 8192, not 4096",
        "vector_lanes is 4, not 8",
    ]
    assert other.differences(other) == []


def test_every_parameter_is_explained():
    docs = parameter_documentation()
    assert list(docs) == NAMES == list(Configuration().parameters())
    assert all(doc.endswith(".") for doc in docs.values())


# Files.


def test_named_parameters():
    assert from_parameters({"vector_lanes": 8}, source="x") == Configuration(vector_lanes=8)
    with pytest.raises(ConfigurationError, match=r"x: unknown parameter a, b; the parameters are"):
        from_parameters({"b": 1, "a": 2}, source="x")
    with pytest.raises(ConfigurationError, match="x: lanes must be 4, 8 or 16, not 5"):
        from_parameters({"lanes": 5}, source="x")


def test_a_toml_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('preset = "b256"\nweight_words = 8192\n')
    expected = dataclasses.replace(preset("b256"), weight_words=8192)
    assert from_file(path) == expected
    path.write_text("vector_lanes = 8\n")
    assert from_file(path) == Configuration(vector_lanes=8)


def test_a_manifest(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(
        json.dumps(
            {
                "architecture_version": ARCHITECTURE_VERSION,
                "configuration": preset("tiny").parameters(),
                "files": ["dpu.v"],
            }
        )
    )
    assert from_file(path) == preset("tiny")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "lanes = ", "is not valid TOML"),
        ("a.json", "{", "is not valid JSON"),
        ("a.json", "[1]", "must hold named parameters"),
        ("a.json", "{}", "is for architecture version None, this is"),
        ("a.json", '{"architecture_version": 0}', "is for architecture version 0, this is"),
        ("a.toml", "size = 3", "unknown parameter size"),
        ("a.toml", "lanes = 5", "lanes must be 4, 8 or 16"),
        ("a.toml", 'preset = "big"', "preset = 'big': big: no such preset"),
        ("a.toml", "preset = 3", "preset = 3: 3: no such preset"),
        ("a.toml", "preset = []", "no such preset"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message) as caught:
        from_file(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "base", "inherited"),
    [
        ("lanes = 4", "b128", "depthwise_lanes = 8"),
        ('preset = "b256"\nlanes = 4', "b256", "depthwise_lanes = 8"),
    ],
)
def test_a_value_that_the_file_does_not_name(tmp_path, text, base, inherited):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        from_file(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert f"is that of the preset {base} (" in message
    assert inherited in message
    assert "(lanes" not in message
    assert message.endswith("name it, too, or start from another preset.")
    path.write_text('preset = "tiny"\nlanes = 4')
    from_file(path)


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read as a configuration"):
        from_file(tmp_path / "none.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="cannot be read as a configuration"):
        from_file(binary)


def test_a_manifest_whose_parameters_are_no_parameters(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text(
        json.dumps({"architecture_version": ARCHITECTURE_VERSION, "configuration": [1]})
    )
    with pytest.raises(ConfigurationError):
        from_file(path)
