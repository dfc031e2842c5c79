# SPDX-License-Identifier: Apache-2.0
"""Every size of a DPU, in one frozen object.

All other packages take their numbers from here: the gateware its memories and loops, the compiler
its tile sizes, the driver what it compares with the configuration ROM of the device.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

#: Version of the instruction formats and of the register map; a program for another one is refused.
ARCHITECTURE_VERSION = 1


class ConfigurationError(ValueError):
    """A configuration breaks a rule; the message has one sentence for each."""


def is_power_of_two(value: int) -> bool:
    """Tell whether ``value`` is 1, 2, 4, ..."""
    return value > 0 and value & (value - 1) == 0


def _parameter(default: int, doc: str) -> Any:
    return dataclasses.field(default=default, metadata={"doc": doc})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Configuration:
    """The parameters of a DPU. The defaults are those of the preset ``b128``.

    A *word* is ``lanes`` int8 values of one pixel: the unit of the scratchpad, and of all addresses
    in instructions but those of DRAM (bytes) and accumulators (pixels).
    """

    lanes: int = _parameter(8, "Channels in a word: rows of the array.")
    columns: int = _parameter(16, "Columns of the array: output channels of one pass.")
    axi_bytes: int = _parameter(8, "Width of the AXI4 data buses in bytes.")
    scratchpad_words: int = _parameter(16384, "Words of the scratchpad.")
    scratchpad_banks: int = _parameter(8, "Banks, interleaved by the low bits of the word address.")
    weight_words: int = _parameter(8192, "Words of the weight buffer.")
    accumulator_depth: int = _parameter(
        1024, "Pixels (of all columns) in the two accumulator banks: even ones, odd ones."
    )
    partial_sum_depth: int = _parameter(512, "Pixels (of all lanes) in the depthwise partial sums.")
    conv_parameter_words: int = _parameter(1024, "Words of the drain's parameter buffer.")
    depthwise_parameter_words: int = _parameter(2048, "Words of the depthwise parameter buffer.")
    conv_requantizers: int = _parameter(8, "Values that the drain requantizes in a cycle.")
    patch_reader: int = _parameter(
        1, "Whether the array has a patch reader, for layers with few channels: 1 or 0."
    )
    depthwise_lanes: int = _parameter(
        8,
        "Channels that the depthwise PE computes in a cycle: a word, or a part of it.",
    )
    depthwise_requantizers: int = _parameter(
        8, "Values that the depthwise PE requantizes in a cycle."
    )
    vector_lanes: int = _parameter(4, "Values that the vector unit handles in a cycle.")
    instruction_queue: int = _parameter(8, "Instructions that each engine's queue holds.")
    read_outstanding: int = _parameter(8, "AXI read bursts in flight.")
    write_outstanding: int = _parameter(4, "AXI write bursts in flight.")
    array_logic_multipliers: int = _parameter(
        52, "Multipliers of the array that are built from logic instead of DSP blocks."
    )
    depthwise_logic_multipliers: int = _parameter(
        72, "Multipliers of the depthwise PE that are built from logic instead of DSP blocks."
    )

    def __post_init__(self) -> None:
        broken = self.broken_rules()
        if broken:
            raise ConfigurationError(" ".join(broken))

    def broken_rules(self) -> list[str]:
        """Return a sentence for each rule that this configuration breaks."""
        for parameter in dataclasses.fields(self):
            value = getattr(self, parameter.name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                return [f"{parameter.name} must be a whole number of 0 or more, not {value!r}."]
        rules: list[tuple[bool, str]] = [
            (self.lanes in (4, 8, 16), f"lanes must be 4, 8 or 16, not {self.lanes}."),
            (
                self.columns in (self.lanes, 2 * self.lanes, 4 * self.lanes),
                f"columns must be 1, 2 or 4 times lanes ({self.lanes}), not {self.columns}.",
            ),
            (self.axi_bytes in (4, 8, 16), f"axi_bytes must be 4, 8 or 16, not {self.axi_bytes}."),
            (
                self.scratchpad_banks in (4, 8, 16),
                f"scratchpad_banks must be 4, 8 or 16, not {self.scratchpad_banks}.",
            ),
            (self.patch_reader in (0, 1), f"patch_reader must be 0 or 1, not {self.patch_reader}."),
            (
                self.array_logic_multipliers <= self.lanes * self.columns,
                f"array_logic_multipliers must be at most the array's {self.lanes * self.columns}, "
                f"not {self.array_logic_multipliers}.",
            ),
            (
                self.depthwise_logic_multipliers <= self.depthwise_multipliers,
                f"depthwise_logic_multipliers must be at most 9 x depthwise_lanes = "
                f"{self.depthwise_multipliers}, not {self.depthwise_logic_multipliers}.",
            ),
        ]
        for name, low, high in (
            ("scratchpad_words", 512, 32768),
            ("weight_words", 128, 65536),
            ("accumulator_depth", 64, 4096),
            ("partial_sum_depth", 32, 1024),
            ("conv_parameter_words", 64, 16384),
            ("depthwise_parameter_words", 64, 16384),
            ("instruction_queue", 2, 64),
            ("read_outstanding", 1, 64),
            ("write_outstanding", 1, 64),
        ):
            value = getattr(self, name)
            rules.append(
                (
                    low <= value <= high and is_power_of_two(value),
                    f"{name} must be a power of two from {low} to {high}, not {value}.",
                )
            )
        for name, bound in (
            ("conv_requantizers", "lanes"),
            ("depthwise_lanes", "lanes"),
            ("depthwise_requantizers", "depthwise_lanes"),
            ("vector_lanes", "lanes"),
        ):
            value, limit = getattr(self, name), getattr(self, bound)
            rules.append(
                (
                    is_power_of_two(value) and value <= limit,
                    f"{name} must be a power of two up to {bound} ({limit}), not {value}.",
                )
            )
        return [sentence for holds, sentence in rules if not holds]

    # Derived sizes: each is computed here and nowhere else.

    @property
    def word_bits(self) -> int:
        """Bits of a scratchpad word."""
        return 8 * self.lanes

    @property
    def array_multipliers(self) -> int:
        """Multipliers of the array."""
        return self.lanes * self.columns

    @property
    def depthwise_multipliers(self) -> int:
        """Multipliers of the depthwise PE: a 3x3 window for each of its lanes."""
        return 9 * self.depthwise_lanes

    @property
    def depthwise_parts(self) -> int:
        """Parts of a word that the depthwise PE computes one after the other."""
        return self.lanes // self.depthwise_lanes

    @property
    def column_blocks(self) -> int:
        """Words that one drained pixel of all columns fills."""
        return self.columns // self.lanes

    @property
    def weight_rows(self) -> int:
        """Depth of the weight buffer in rows of ``columns`` bytes, the unit of weight addresses."""
        return self.weight_words // self.column_blocks

    @property
    def scratchpad_bytes(self) -> int:
        """Size of the scratchpad in bytes."""
        return self.scratchpad_words * self.lanes

    @property
    def weight_bytes(self) -> int:
        """Size of the weight buffer in bytes."""
        return self.weight_words * self.lanes

    @property
    def accumulator_bank(self) -> int:
        """Pixels in one of the two accumulator banks, the most of a tile: two find room."""
        return self.accumulator_depth // 2

    @property
    def scale_words(self) -> int:
        """Words of bias, multiplier and shift for one block of ``lanes`` channels."""
        return 9

    @property
    def hash(self) -> int:
        """A 32-bit fingerprint of all parameters and of the architecture's version."""
        text = json.dumps([ARCHITECTURE_VERSION, dataclasses.asdict(self)], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")

    def parameters(self) -> dict[str, int]:
        """Return every parameter by name, in the order of the configuration ROM."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def differences(self, other: Configuration) -> list[str]:
        """Name each parameter that differs, for the message of a refused program."""
        mine, theirs = self.parameters(), other.parameters()
        return [f"{k} is {mine[k]}, not {theirs[k]}" for k in mine if mine[k] != theirs[k]]


def parameter_documentation() -> dict[str, str]:
    """Return the sentence that explains each parameter."""
    return {f.name: f.metadata["doc"] for f in dataclasses.fields(Configuration)}


def from_parameters(values: dict[str, Any], *, source: str) -> Configuration:
    """Make a configuration of named parameters; ``source`` says where they came from in errors."""
    known = {field.name for field in dataclasses.fields(Configuration)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigurationError(
            f"{source}: unknown parameter {', '.join(unknown)}; the parameters are "
            f"{', '.join(sorted(known))}."
        )
    try:
        return Configuration(**values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error}") from None


def from_file(path: Path) -> Configuration:
    """Read a configuration from a TOML file, or from the JSON manifest that generation wrote.

    A TOML file may name a ``preset`` to start from, else it is b128. A manifest has the parameters
    under ``configuration``.
    """
    from dpu_spec.presets import preset

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read as a configuration: {error}.") from None
    try:
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise ConfigurationError(f"{path}: is not valid {kind}: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path}: must hold named parameters.")
    if path.suffix == ".json":
        version = values.get("architecture_version")
        if version != ARCHITECTURE_VERSION:
            raise ConfigurationError(
                f"{path}: is for architecture version {version}, this is {ARCHITECTURE_VERSION}; "
                "generate it again."
            )
        values = values.get("configuration")
        if not isinstance(values, dict):
            raise ConfigurationError(f"{path}: has no parameters; generate it again.")
        return from_parameters(values, source=str(path))
    name = values.pop("preset", "b128")
    try:
        base = preset(name).parameters()
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: preset = {name!r}: {error}") from None
    try:
        return from_parameters({**base, **values}, source=str(path))
    except ConfigurationError as error:
        inherited = [
            f"{key} = {value}"
            for key, value in base.items()
            if key not in values and f"{key} must be" in str(error)
        ]
        if not inherited:
            raise
        raise ConfigurationError(
            f"{error} What the file doesn't name is that of the preset {name} "
            f"({', '.join(inherited)}): name it, too, or start from another preset."
        ) from None
