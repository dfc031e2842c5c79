# SPDX-License-Identifier: Apache-2.0
"""Cut the graph into runs of the DPU and operators of the host, in order of execution."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from dpu_compiler.graph import RENAMES, Graph, Operator
from dpu_compiler.legal import Decision, decide


@dataclasses.dataclass
class Part:
    """Operators that run together on the DPU, or one that the host computes."""

    operators: list[Operator]
    on_host: bool

    @property
    def only_renames(self) -> bool:
        """Whether nothing is to be done but to use other names for the same elements."""
        return all(op.name in RENAMES for op in self.operators)


def partition(graph: Graph, decisions: Mapping[int, Decision]) -> list[Part]:
    """Return the parts, given where each operator runs by its index."""
    available = {i for i, tensor in graph.tensors.items() if tensor.data is not None}
    available |= set(graph.inputs) | {-1}
    waiting = list(graph.operators)
    parts: list[Part] = []
    while waiting:
        # As much as possible on the DPU, then only what the DPU waits for on the host.
        for on_host in (False, True):
            ready: list[Operator] = []
            for op in waiting:
                mine = (decisions[op.index].engine == "host") is on_host
                if mine and available.issuperset(op.inputs):
                    ready.append(op)
                    available |= set(op.outputs)
            waiting = [op for op in waiting if op not in ready]
            if on_host:
                parts += [Part([op], True) for op in ready]
            elif ready:
                parts.append(Part(ready, False))
        if waiting and not any(available.issuperset(op.inputs) for op in waiting):
            raise ValueError("The operators are not in an order that can be executed.")
    return parts


def comes_from_dram(graph: Graph, tensor: int) -> bool:
    """Tell whether a tensor is an input or the host's work, maybe under another name (RESHAPE)."""
    producer = graph.producer(tensor)
    while producer is not None and decide(graph, producer).engine == "none":
        tensor = producer.inputs[0]
        producer = graph.producer(tensor)
    if producer is None:
        return tensor in graph.inputs
    return decide(graph, producer).engine == "host"
