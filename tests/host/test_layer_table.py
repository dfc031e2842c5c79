# SPDX-License-Identifier: Apache-2.0
"""The table of layers on terminals of all widths."""

import io
from typing import Any

import pytest
from rich.console import Console

from dpu_host.cli.layer_table import layer_table

NAME = "a/network/of/many/blocks/depthwise_12/with_a_name_that_is_long"
ROWS = (
    ("CONV_2D", "conv", 800, "100.0 %"),
    ("DEPTHWISE_CONV_2D", "depthwise", 12_345, "41.5 %"),
    ("SOFTMAX", "host", 0, ""),
)


def figures() -> dict[str, Any]:
    shares = {"conv": 1.0, "depthwise": 0.415, "host": None}
    layers = [
        {
            "index": index,
            "name": f"{NAME}_{index}",
            "operator": operator,
            "engine": engine,
            "cycles": cycles,
            "start": 1_000 * index,
            "end": 54_321,
            "busy": cycles,
            "macs": 1_234_567,
            "utilization": shares[engine],
            "dram_bytes": 1_024 * index,
        }
        for index, (operator, engine, cycles, _) in enumerate(ROWS)
    ]
    return {
        "preset": "b128",
        "layers": layers,
        "cycles": 13_145,
        "macs": 3_703_701,
        "utilization_array": 0.5,
        "dram_read_bytes": 3_000,
        "dram_write_bytes": 72,
    }


def printed(width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, highlight=False).print(layer_table(figures(), width))
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_operator_engine_and_cycles_are_whole(width: int) -> None:
    lines = printed(width)
    assert max(map(len, lines)) <= width
    for index, (operator, engine, cycles, share) in enumerate(ROWS):
        (line,) = (line for line in lines if line.lstrip().startswith(f"{index} "))
        words = line.split()
        assert [operator, engine, f"{cycles:,}"] == [
            words[words.index(operator) + k] for k in range(3)
        ]
        assert share in line
    totals = lines[-1].split()
    assert totals[:2] == ["total", "13,145"]
    assert "50.0" in totals


def titles(width: int) -> list[str]:
    return printed(width)[1].replace("DRAM bytes", "DRAM").split()


def test_what_a_narrow_terminal_leaves_out() -> None:
    every = ["layer", "operator", "engine", "cycles", "start", "end", "busy", "MACs"]
    assert titles(140) == [*every, "utilization", "DRAM"]
    shortened = printed(115)
    assert titles(115) == titles(140)
    assert "depthwise_12" not in shortened[3]
    assert titles(80) == ["operator", "engine", "cycles", "busy", "MACs", "utilization"]
    assert titles(60) == ["operator", "engine", "cycles", "utilization"]


def test_total_of_the_dram_bytes() -> None:
    assert printed(140)[-1].endswith("3,072")
