# SPDX-License-Identifier: Apache-2.0
"""How long an instruction would take if its engine never paused.

That is a matter of widths alone: a pixel a cycle for the array, so many values a cycle for the
depthwise PE, the requantizers and the vector unit, a beat a cycle for the DRAM ports. What an
instruction takes beyond goes to filling and emptying pipelines, to bubbles between passes, to
refused banks, and to the memory's latency.
"""

from __future__ import annotations

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Instruction


def cycles_at_full_rate(instruction: Instruction, configuration: Configuration) -> int:
    """Return the cycles that an instruction's data keeps its engine's data path busy."""
    v, lanes = instruction.values, configuration.lanes
    pixels = v["rows"] * v["columns"]
    match instruction.format.name:
        case "LOAD" | "STORE":
            return -(-v["rows"] * v["row_bytes"] // configuration.axi_bytes)
        case "CONV":
            return pixels * v["blocks"] * v["kernel_h"] * v["kernel_w"]
        case "CONV_PATCH":
            return pixels
        case "DRAIN":
            return pixels * v["blocks"] * lanes // configuration.conv_requantizers
        case "DEPTHWISE":
            rate = configuration.depthwise_lanes
            if v["last"]:
                rate = min(rate, configuration.depthwise_requantizers)
            return pixels * v["blocks"] * lanes // rate
    taps = v["kernel_h"] * v["kernel_w"]
    return pixels * v["blocks"] * taps * lanes // configuration.vector_lanes
