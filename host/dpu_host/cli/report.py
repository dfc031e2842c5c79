# SPDX-License-Identifier: Apache-2.0
"""What a run is reported with: numbers as JSON and CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dpu_compiler.cost import estimate
from dpu_compiler.frontend.names import printable
from dpu_compiler.macs import count_macs
from dpu_host.cli.check import Check
from dpu_host.cli.dead_channels import dead_channel_figures
from dpu_host.cli.machines import Measurement, Outcome
from dpu_host.cli.options import configuration_name, writing
from dpu_host.cli.sources import Source
from dpu_host.cli.streams import Stream
from dpu_sim.traffic import Traffic, layer_traffic
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program

_COLUMNS = (
    *("index", "name", "operator", "engine", "cycles", "start", "end", "busy", "macs"),
    *("utilization", "dram_bytes", "fused_into", "note"),
)


def statistics(
    source: Source,
    configuration: Configuration,
    machine: str,
    outcomes: Sequence[Outcome],
    check: Check | None,
    stream: Stream | None = None,
) -> dict[str, Any]:
    """Return everything that is known about a run; what is not known is None.

    Of a program that runs several frames a start, figures are those of a frame, but the layers are
    those of all frames.
    """
    first = outcomes[0].measurement
    program = source.program if machine != "golden" else None
    frames = program.frames.count if program is not None else 1
    if program is not None:
        layers = _layers(program, first)
    else:
        layers = _model_layers(source)
    macs = sum(layer["macs"] for layer in layers)
    array = configuration.array_multipliers
    every = array + configuration.depthwise_multipliers
    found: dict[str, Any] = {
        "model": str(source.path),
        "machine": machine,
        "preset": configuration_name(configuration),
        "configuration_hash": f"{configuration.hash:08x}",
        "examples": len(outcomes),
        "cycles": _part(first.cycles, frames),
        "cycles_of_examples": [_part(outcome.measurement.cycles, frames) for outcome in outcomes],
        "cycles_estimated": _part(estimate(program), frames) if program is not None else None,
        "stream": stream.figures() if stream is not None else None,
        "dead_channels": dead_channel_figures(program.dead_channels) if program else None,
        "macs": _part(macs, frames),
        "utilization_array": _share(macs, first.cycles, array),
        "utilization_all": _share(macs, first.cycles, every),
        "dram_read_bytes": _part(first.read_bytes, frames),
        "dram_write_bytes": _part(first.write_bytes, frames),
        "host_operators": [
            x["operator"] for x in layers[: len(layers) // frames] if x["engine"] == "host"
        ],
        "layers": layers,
    }
    if check is not None:
        found["bit_exact"] = check.exact
        found["tensors_compared"] = check.tensors
        found["elements_compared"] = check.elements
        found["channels_not_computed"] = check.channels_not_computed
        found["differences"] = check.differences
    return found


def _part(total: int | None, frames: int) -> int | None:
    """Return a frame's part of a start, rounded up."""
    return None if total is None else -(-total // frames)


def _share(macs: int, cycles: int | None, multipliers: int) -> float | None:
    return macs / (cycles * multipliers) if cycles else None


def _layers(program: Program, measurement: Measurement) -> list[dict[str, Any]]:
    configuration = program.configuration
    multipliers = {
        "conv": configuration.array_multipliers,
        "depthwise": configuration.depthwise_multipliers,
    }
    traffic = layer_traffic(program)
    found = []
    for layer in program.layers:
        timing = measurement.layers.get(layer.index)
        known = measurement.cycles is not None
        busy = timing.busy if timing else None
        found.append(
            {
                "index": layer.index,
                "name": layer.name,
                "operator": layer.operator,
                "engine": layer.engine,
                "cycles": timing.cycles if timing else (0 if known else None),
                "start": timing.start if timing else None,
                "end": timing.end if timing else None,
                "busy": busy if timing else (0 if known else None),
                "macs": layer.macs,
                "utilization": _share(layer.macs, busy, multipliers.get(layer.engine, 0) or 1)
                if layer.engine in multipliers
                else None,
                "dram_bytes": traffic.get(layer.index, Traffic()).total,
                "fused_into": layer.fused_into if layer.fused_into >= 0 else None,
                "note": layer.note,
            }
        )
    return found


def _model_layers(source: Source) -> list[dict[str, Any]]:
    graph = source.graph
    assert graph is not None
    empty = dict.fromkeys(_COLUMNS)
    return [
        {
            **empty,
            "index": op.index,
            "name": graph.tensors[op.outputs[0]].name,
            "operator": op.name,
            "engine": "golden",
            "macs": count_macs(graph, op),
            "note": "",
        }
        for op in graph.operators
    ]


def write_json(path: Path, found: dict[str, Any]) -> None:
    """Write statistics."""
    with writing(path):
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def write_csv(path: Path, found: dict[str, Any]) -> None:
    """Write the layers."""
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(found["layers"])


def short(name: str, width: int = 28) -> str:
    """Return a tensor's name, cut to a width: converters join many to one."""
    name = printable(name.partition(";")[0])
    return name if len(name) <= width else "…" + name[1 - width :]


def speed(found: dict[str, Any]) -> str:
    """Say how fast an inference was; there have to be cycles."""
    if not found["cycles"]:
        return "0 cycles: nothing of this network runs on the DPU"
    return (
        f"{found['cycles']:,} cycles, {found['macs']:,} MACs, utilization "
        f"{percent(found['utilization_array'])} of the array, "
        f"{percent(found['utilization_all'])} of all multipliers"
    )


def percent(value: float | None) -> str:
    """Return a share as text."""
    return "" if value is None else f"{100 * value:.1f} %"
