# SPDX-License-Identifier: Apache-2.0
"""``dpu info``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from dpu_compiler.compile import find_dead_channels
from dpu_compiler.engines import choose_engines
from dpu_compiler.graph import Graph, Operator
from dpu_compiler.legal import Decision
from dpu_compiler.macs import count_macs
from dpu_compiler.passes.fold import fold_constants
from dpu_compiler.passes.pad import fuse_padding
from dpu_host.cli.console import show, tell
from dpu_host.cli.dead_channels import dead_channel_line
from dpu_host.cli.options import ConfigOption, PresetOption, configuration_of
from dpu_host.cli.report import short
from dpu_host.cli.sources import open_model
from dpu_spec.configuration import Configuration
from dpu_spec.program import DeadChannels


def decide_all(graph: Graph, configuration: Configuration) -> dict[int, Decision]:
    """Return where each operator of a model runs, and why, by its index."""
    prepared = fuse_padding(fold_constants(graph))
    live = find_dead_channels(prepared, configuration).graph
    decisions = choose_engines(live, configuration)
    for op in graph.operators:
        if op.index in decisions:
            continue
        if op.name in ("PAD", "PADV2"):
            readers = [r for r in prepared.operators if op.inputs[0] in r.inputs]
            into = f" of operator {readers[0].index}" if readers else ""
            decisions[op.index] = Decision("none", f"became the border{into}")
        else:
            decisions[op.index] = Decision("none", "folded: a constant, or never needed")
    return decisions


def _shapes(graph: Graph, indices: tuple[int, ...]) -> str:
    return ", ".join(
        "x".join(map(str, graph.tensors[i].shape)) or "scalar"
        for i in indices
        if i >= 0 and graph.tensors[i].data is None
    )


def _interface(graph: Graph, what: str, indices: tuple[int, ...]) -> None:
    for index in indices:
        tensor = graph.tensors[index]
        text = f"{what} {index} {tensor.name}: {tensor.value.dtype} {list(tensor.shape)}"
        if tensor.value.quantization is not None:
            quantization = tensor.value.quantization
            text += f", scale {quantization.scale0:.6g}, zero point {quantization.zero_point0}"
        tell(text)


def _cost(graph: Graph, op: Operator) -> str:
    """Return what an operator costs: multiplications, or else values computed."""
    macs = count_macs(graph, op)
    if macs:
        return f"{macs:,} MACs"
    return f"{sum(graph.tensors[i].size for i in op.outputs):,} values"


def _dead_channels(graph: Graph, configuration: Configuration) -> str:
    """Say how many channels compiling leaves out."""
    found = find_dead_channels(fuse_padding(fold_constants(graph)), configuration)
    return dead_channel_line(DeadChannels(True, found.removed, found.channels))


def info(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="An int8 .tflite model.")],
    preset: PresetOption = None,
    config: ConfigOption = None,
) -> None:
    """Show a network's operators, and where each runs and why."""
    configuration = configuration_of(preset, config)
    graph = open_model(model)
    decisions = decide_all(graph, configuration)
    _interface(graph, "input", graph.inputs)
    _interface(graph, "output", graph.outputs)
    table = Table()
    table.add_column("", justify="right")
    for title in ("operator", "input", "output"):
        table.add_column(title)
    table.add_column("MACs", justify="right")
    table.add_column("runs on")
    table.add_column("why", overflow="fold")
    for op in graph.operators:
        decision = decisions[op.index]
        macs = count_macs(graph, op)
        place = {"none": "nothing to do"}.get(decision.engine, decision.engine)
        why = decision.reason
        if not why:
            why = "only a matter of layout" if decision.engine == "none" else "every rule holds"
        table.add_row(
            str(op.index),
            op.name,
            _shapes(graph, op.inputs),
            _shapes(graph, op.outputs),
            f"{macs:,}" if macs else "",
            place,
            why,
        )
    show(table)
    total = sum(count_macs(graph, op) for op in graph.operators)
    by_engine: dict[str, int] = {}
    for op in graph.operators:
        engine = decisions[op.index].engine
        by_engine[engine] = by_engine.get(engine, 0) + count_macs(graph, op)
    shares = ", ".join(f"{name} {macs:,}" for name, macs in by_engine.items() if macs)
    tell(f"{len(graph.operators)} operators, {total:,} MACs ({shares or 'none'})")
    parameters = sum(
        t.data.nbytes
        for t in graph.tensors.values()
        if t.data is not None and any(t.index in op.inputs for op in graph.operators)
    )
    tell(f"{parameters:,} bytes of constants")
    tell(_dead_channels(graph, configuration))
    hosted = [op for op in graph.operators if decisions[op.index].engine == "host"]
    for op in hosted:
        name = short(graph.tensors[op.outputs[0]].name)
        tell(
            f"on the host: operator {op.index} ({op.name}, {name}) costs it {_cost(graph, op)}: "
            f"{decisions[op.index].reason}"
        )
    if not hosted:
        tell("on the host: nothing")
