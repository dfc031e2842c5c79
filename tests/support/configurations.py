# SPDX-License-Identifier: Apache-2.0
"""Random valid configurations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dpu_spec.configuration import Configuration
from dpu_spec.presets import PRESETS


def _powers(low: int, high: int) -> Any:
    """Powers of two between two of them, small ones first."""
    return st.sampled_from([1 << n for n in range(low.bit_length() - 1, high.bit_length())])


@st.composite
def configurations(draw: Any, *, largest_scratchpad: int = 16384) -> Configuration:
    """Any valid configuration: small buffers are as likely as large ones."""
    lanes = draw(st.sampled_from((4, 8, 16)))
    columns = lanes * draw(st.sampled_from((1, 2, 4)))
    depthwise_lanes = draw(_powers(1, lanes))
    return Configuration(
        lanes=lanes,
        columns=columns,
        axi_bytes=draw(st.sampled_from((4, 8, 16))),
        scratchpad_words=draw(_powers(512, largest_scratchpad)),
        scratchpad_banks=draw(st.sampled_from((4, 8, 16))),
        weight_words=draw(_powers(128, 8192)),
        accumulator_depth=draw(_powers(64, 1024)),
        partial_sum_depth=draw(_powers(32, 512)),
        conv_parameter_words=draw(_powers(64, 1024)),
        depthwise_parameter_words=draw(_powers(64, 2048)),
        conv_requantizers=draw(_powers(1, lanes)),
        patch_reader=draw(st.sampled_from((1, 0))),
        depthwise_lanes=depthwise_lanes,
        depthwise_requantizers=draw(_powers(1, depthwise_lanes)),
        vector_lanes=draw(_powers(1, lanes)),
        instruction_queue=draw(_powers(2, 16)),
        read_outstanding=draw(_powers(1, 8)),
        write_outstanding=draw(_powers(1, 8)),
        array_logic_multipliers=draw(st.integers(0, lanes * columns)),
        depthwise_logic_multipliers=draw(st.integers(0, 9 * depthwise_lanes)),
    )


def presets_or_configurations() -> Any:
    """One of the presets, or any configuration."""
    return st.one_of(st.sampled_from(list(PRESETS.values())), configurations())
