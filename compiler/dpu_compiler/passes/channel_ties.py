# SPDX-License-Identifier: Apache-2.0
"""Which channels of an operator's tensors can only be kept or left out together."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.graph import RENAMES, Graph, Operator
from dpu_compiler.passes.channel_ranges import channel_count
from dpu_compiler.passes.weighted import Int64s
from dpu_golden import UNARY_OPERATORS

_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN")
_MOVED = ("PAD", "PADV2", "RESIZE_NEAREST_NEIGHBOR", "STRIDED_SLICE")


@dataclasses.dataclass(frozen=True)
class Tie:
    """Channels of some tensors in groups: a group is in all of them, or in none.

    ``groups`` has the group of each channel for each tensor; an operator may name one twice.
    """

    count: int
    groups: tuple[tuple[int, Int64s], ...]


def _alike(graph: Graph, *indices: int) -> Tie | None:
    """Channel for channel."""
    counts = {channel_count(graph.tensors[i]) for i in indices}
    if len(counts) != 1:
        return None
    (count,) = counts
    return Tie(count, tuple((i, np.arange(count)) for i in indices))


def _operands(graph: Graph, operator: Operator) -> Tie | None:
    """Sums and products: a single number goes with every channel."""
    numbers = [i for i in operator.inputs if graph.tensors[i].data is not None]
    wide = [i for i in operator.inputs if i not in numbers or graph.tensors[i].size > 1]
    return _alike(graph, *wide, *operator.outputs)


def _renamed(graph: Graph, operator: Operator) -> Tie | None:
    """Another shape of the same elements: channels survive where one last axis divides the other.

    Flattened, each element is a channel, and those of one channel of the map are a group.
    """
    source, result = operator.inputs[0], operator.outputs[0]
    counts = [channel_count(graph.tensors[i]) for i in (source, result)]
    if max(counts) % min(counts):
        return None
    count = min(counts)
    groups = tuple((i, np.arange(n) % count) for i, n in zip((source, result), counts, strict=True))
    return Tie(count, groups)


def _joined(graph: Graph, operator: Operator) -> Tie | None:
    """CONCATENATION: channel after channel, or channel for channel along another axis."""
    result = operator.outputs[0]
    rank = len(graph.tensors[result].shape)
    if operator.attributes["axis"] % rank != rank - 1:
        return _alike(graph, *operator.inputs, result)
    groups, first = [], 0
    for index in operator.inputs:
        count = channel_count(graph.tensors[index])
        groups.append((index, np.arange(first, first + count)))
        first += count
    return Tie(first, (*groups, (result, np.arange(first))))


def _depthwise(graph: Graph, operator: Operator) -> Tie | None:
    """Depthwise: an input channel and all that is made of it."""
    source, result = operator.inputs[0], operator.outputs[0]
    inputs, outputs = (channel_count(graph.tensors[i]) for i in (source, result))
    groups = ((source, np.arange(inputs)), (result, np.arange(outputs) // (outputs // inputs)))
    return Tie(inputs, groups)


def tie(graph: Graph, operator: Operator) -> Tie | None:
    """Return how an operator ties channels, or None where all of them have to stay.

    Only for operators that run on the DPU, and not for those that mix channels by weights.
    """
    if operator.name == "DEPTHWISE_CONV_2D":
        return _depthwise(graph, operator)
    if operator.name in ("ADD", "SUB", "MUL"):
        return _operands(graph, operator)
    if operator.name in RENAMES:
        return _renamed(graph, operator)
    if operator.name == "CONCATENATION":
        return _joined(graph, operator)
    if operator.name in (*_POOLS, *_MOVED, *UNARY_OPERATORS):
        return _alike(graph, operator.inputs[0], operator.outputs[0])
    return None
