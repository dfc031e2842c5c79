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
    graph: Graph,
    configuration: Configuration,
    *,
    dead_channels: bool = True,
    frames: int = 1,
    resident: bool = False,
) -> Program:
    """Compile a network as :func:`compile_graph` does, and estimate the cycles of both variants.

    Where there are no dead channels both are the same, and it is compiled once.
    """

    def compiled(on: bool) -> Program:
        return compile_graph(
            graph, configuration, dead_channels=on, frames=frames, resident=resident
        )

    program = compiled(dead_channels)
    found = program.dead_channels
    assert found is not None
    own = other = -(-estimate(program) // frames)
    if found.removed:
        other = -(-estimate(compiled(not dead_channels)) // frames)
    cycles = (other, own) if dead_channels else (own, other)
    return dataclasses.replace(
        program, dead_channels=dataclasses.replace(found, estimated_cycles=cycles)
    )
