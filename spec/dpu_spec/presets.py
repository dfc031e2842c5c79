# SPDX-License-Identifier: Apache-2.0
"""Named configurations.

The number in a preset's name counts the multipliers of the array (AMD's B512 counts operations).
"""

from __future__ import annotations

import dataclasses

from dpu_spec.configuration import Configuration, ConfigurationError

# For tests: everything small, so that every network must be tiled.
_TINY = Configuration(
    lanes=4,
    columns=4,
    axi_bytes=4,
    scratchpad_words=8192,
    scratchpad_banks=4,
    weight_words=1024,
    accumulator_depth=128,
    partial_sum_depth=64,
    conv_parameter_words=256,
    depthwise_parameter_words=256,
    conv_requantizers=4,
    depthwise_lanes=4,
    depthwise_requantizers=4,
    vector_lanes=4,
    instruction_queue=4,
    read_outstanding=4,
    write_outstanding=2,
    array_logic_multipliers=0,
    depthwise_logic_multipliers=0,
)

PRESETS: dict[str, Configuration] = {
    "tiny": _TINY,
    # ECP5-25F class: of all that takes logic, as little as computes every network.
    "b16": dataclasses.replace(
        _TINY,
        conv_requantizers=1,
        # Four lanes have few kernel positions to take in.
        patch_reader=0,
        depthwise_lanes=1,
        depthwise_requantizers=1,
        vector_lanes=1,
        # 16 for the array and 4 for each of three requantizers are all 28 MULT18X18D.
        depthwise_logic_multipliers=9,
    ),
    # ECP5-85F class.
    "b128": Configuration(),
    # Zynq-7020 class.
    "b256": Configuration(
        lanes=16,
        columns=16,
        axi_bytes=16,
        scratchpad_words=16384,
        scratchpad_banks=8,
        weight_words=4096,
        accumulator_depth=1024,
        partial_sum_depth=512,
        conv_parameter_words=1024,
        depthwise_parameter_words=1024,
        conv_requantizers=8,
        # As many as are requantized: twice as many would wait half of the time.
        depthwise_lanes=8,
        depthwise_requantizers=8,
        vector_lanes=4,
        # A DSP48E1 holds two multipliers: 128 for the array, 12 for the depthwise PE, and 80 for
        # the requantizers are all 220.
        array_logic_multipliers=0,
        depthwise_logic_multipliers=48,
    ),
}

PRESET_NOTES: dict[str, str] = {
    "tiny": "4x4 array for tests",
    "b16": "4x4 array, ECP5-25F class",
    "b128": "8x16 array, ECP5-85F class",
    "b256": "16x16 array, Zynq-7020 class",
}


def preset(name: str) -> Configuration:
    """Return the preset of that name."""
    try:
        return PRESETS[name]
    except (KeyError, TypeError):
        raise ConfigurationError(
            f"{name}: no such preset; the presets are {', '.join(PRESETS)} "
            "(a configuration file goes with --config)."
        ) from None
