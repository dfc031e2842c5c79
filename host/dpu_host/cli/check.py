# SPDX-License-Identifier: Apache-2.0
"""Hold what a run left behind against the golden model, tensor by tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from dpu_compiler.graph import Graph
from dpu_host.cli.machines import Array, Outcome
from dpu_spec.program import Program


@dataclasses.dataclass
class Check:
    """The verdict: tensors and elements compared, and a sentence for each tensor that differs.

    Of the channels that are left out of tensors (:class:`~dpu_spec.program.Tensor`), constant ones
    are compared, too; ``channels_not_computed`` counts the others, which can't be.
    """

    tensors: int = 0
    elements: int = 0
    constant_channels: int = 0
    channels_not_computed: int = 0
    differences: list[str] = dataclasses.field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Whether every byte equals the golden model's."""
        return not self.differences

    def add_channels(self, program: Program, outcome: Outcome) -> None:
        """Count the channels that are left out of the tensors that exist, once for all examples."""
        tensors = [program.tensors[index] for index in outcome.tensors]
        constant = sum(len(tensor.constants) for tensor in tensors)
        self.constant_channels = max(self.constant_channels, constant)
        missing = sum(tensor.missing_channels for tensor in tensors)
        self.channels_not_computed = max(self.channels_not_computed, missing)

    def add(self, graph: Graph, inputs: Mapping[int, Array], outcome: Outcome, number: int) -> None:
        """Compare one example; its differences in the order of the layers."""
        expected = graph.run(inputs)
        producers = {i: op for op in reversed(graph.operators) for i in op.outputs}
        # An output may exist twice: where it was computed, and where the host reads it.
        found = [*outcome.tensors.items()]
        found += [(i, a) for i, a in outcome.outputs.items() if a is not outcome.tensors.get(i)]

        def order(index: int) -> tuple[int, int]:
            return (producers[index].index if index in producers else -1, index)

        for index, array in sorted(found, key=lambda item: order(item[0])):
            want = expected.get(index)
            if want is None:
                want = graph.tensors[index].data
            if want is None:
                continue
            self.tensors += 1
            self.elements += int(np.ma.count(array))
            text = _difference(array, want)
            if text:
                layer = f"input tensor {index} ({graph.tensors[index].name})"
                if index in producers:
                    op = producers[index]
                    layer = f"layer {op.index} ({op.name}, {graph.tensors[index].name})"
                self.differences.append(f"example {number}, {layer}: {text}")
        self.differences += [
            f"example {number}: the words written to the scratchpad aren't those that the "
            f"instructions describe: {problem}"
            for problem in outcome.problems
        ]


def _difference(found: Array, want: Array) -> str:
    """Return how an array differs from what it should be; empty if it doesn't."""
    if found.shape != want.shape:
        return f"has the shape {list(found.shape)}, the golden model's is {list(want.shape)}"
    wrong = np.ma.filled(found != want, False)
    if want.dtype.kind == "f":
        wrong &= ~(np.isnan(want) & np.isnan(np.ma.getdata(found)))
    number = int(np.count_nonzero(wrong))
    if not number:
        return ""
    first = tuple(int(axis[0]) for axis in np.nonzero(wrong)) if wrong.ndim else ()
    return (
        f"element {list(first)} is {found[first]}, the golden model says {want[first]} "
        f"({number} of {want.size} elements differ)"
    )
