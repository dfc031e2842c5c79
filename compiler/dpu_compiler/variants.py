# SPDX-License-Identifier: Apache-2.0
"""Compile a network, and say what it would take with its dead channels, or without them."""

from __future__ import annotations

import dataclasses

from dpu_compiler.compile import compile_graph
from dpu_compiler.cost import estimate
from dpu_compiler.graph import Graph
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program


def compile_variants(
    graph: Graph, configuration: Configuration, *, dead_channels: bool = True
) -> Program:
    """Compile a network as :func:`compile_graph` does, and estimate the cycles of both variants.

    Where there are no dead channels both are the same, and it is compiled once.
    """
    program = compile_graph(graph, configuration, dead_channels=dead_channels)
    found = program.dead_channels
    assert found is not None
    own = other = estimate(program)
    if found.removed:
        other = estimate(compile_graph(graph, configuration, dead_channels=not dead_channels))
    cycles = (other, own) if dead_channels else (own, other)
    return dataclasses.replace(
        program, dead_channels=dataclasses.replace(found, estimated_cycles=cycles)
    )
