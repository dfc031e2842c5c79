# SPDX-License-Identifier: Apache-2.0
"""Which engine does the work of each operator, where a configuration has a say in it."""

from __future__ import annotations

from collections.abc import Mapping

from dpu_compiler.graph import Graph
from dpu_compiler.legal import Decision
from dpu_compiler.translate.array import array_is_faster
from dpu_spec.configuration import Configuration

#: Why a depthwise convolution runs on the array.
ARRAY_IS_FASTER = "its single channel comes from DRAM and the array needs fewer cycles for it"


def choose_engines(
    graph: Graph, legal: Mapping[int, Decision], configuration: Configuration
) -> dict[int, Decision]:
    """Return where each operator runs, by its index, given what the rules allow."""
    chosen = dict(legal)
    for operator in graph.operators:
        on_pe = legal[operator.index].engine == "depthwise"
        if on_pe and array_is_faster(graph, operator, configuration):
            chosen[operator.index] = Decision("conv", ARRAY_IS_FASTER)
    return chosen
