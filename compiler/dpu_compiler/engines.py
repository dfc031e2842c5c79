# SPDX-License-Identifier: Apache-2.0
"""Which engine does the work of each operator, where a configuration has a say in it."""

from __future__ import annotations

from dpu_compiler.graph import Graph, Operator
from dpu_compiler.legal import Decision, decide
from dpu_compiler.translate.array import array_is_faster
from dpu_spec.configuration import Configuration

#: Why a depthwise convolution runs on the array.
ARRAY_IS_FASTER = "its single channel comes from DRAM and the array needs fewer cycles for it"

#: Why a transposition from NCHW runs on the host.
NO_PATCH_READER = "only a patch reader takes in planes, and the configuration has none"


def choose_engine(graph: Graph, operator: Operator, configuration: Configuration) -> Decision:
    """Return where an operator runs."""
    legal = decide(graph, operator)
    if operator.name == "TRANSPOSE" and legal.engine != "host" and not configuration.patch_reader:
        return Decision("host", f"TRANSPOSE: {NO_PATCH_READER}.")
    if legal.engine == "depthwise" and array_is_faster(graph, operator, configuration):
        return Decision("conv", ARRAY_IS_FASTER)
    return legal


def choose_engines(graph: Graph, configuration: Configuration) -> dict[int, Decision]:
    """Return where each operator runs, by its index."""
    return {op.index: choose_engine(graph, op, configuration) for op in graph.operators}
