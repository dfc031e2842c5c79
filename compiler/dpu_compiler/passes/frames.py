# SPDX-License-Identifier: Apache-2.0
"""Several inferences as one network: copies of a graph side by side, with the same constants.

Nothing orders the copies but the engines' streams, so that a frame begins while the one before it
ends, and each has its own place for input and output.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from dpu_compiler.graph import Graph, Operator, Tensor
from dpu_spec.program import Frames


def number_frames(graphs: Sequence[Graph], count: int) -> Frames:
    """Return how the copies are numbered of graphs that are stages of the same network."""
    tensors = max(max(graph.tensors, default=-1) for graph in graphs) + 1
    operators = [operator.index for graph in graphs for operator in graph.operators]
    return Frames(count, tensors, max(operators, default=-1) + 1)


def repeat(graph: Graph, frames: Frames) -> Graph:
    """Return a graph of as many copies as there are frames; the first is the graph itself."""
    tensors: dict[int, Tensor] = {}
    operators: list[Operator] = []
    for frame in range(frames.count):
        for index, tensor in graph.tensors.items():
            number = frames.tensor(index, frame)
            tensors[number] = dataclasses.replace(tensor, index=number)
        for operator in graph.operators:
            operators.append(
                dataclasses.replace(
                    operator,
                    index=frames.layer(operator.index, frame),
                    inputs=_indices(operator.inputs, frames, frame),
                    outputs=_indices(operator.outputs, frames, frame),
                )
            )
    every = range(frames.count)
    return Graph(
        graph.name,
        tensors,
        operators,
        tuple(i for frame in every for i in _indices(graph.inputs, frames, frame)),
        tuple(i for frame in every for i in _indices(graph.outputs, frames, frame)),
    )


def _indices(indices: tuple[int, ...], frames: Frames, frame: int) -> tuple[int, ...]:
    """Return tensors of a frame; absent ones stay absent."""
    return tuple(index if index < 0 else frames.tensor(index, frame) for index in indices)
