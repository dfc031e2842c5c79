# SPDX-License-Identifier: Apache-2.0
"""What values each channel of each tensor can have, whatever the network's input.

A *channel* is an index of a tensor's last axis. Its range holds every value that it can have at
any position; a channel whose bounds are equal is constant. Ranges are bounds of intervals, never
narrower than the truth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from dpu_compiler.graph import RENAMES, Array, Graph, Operator, Tensor
from dpu_compiler.passes.weighted import WEIGHTED, Bools, Int64s, weighted
from dpu_golden import (
    UNARY_OPERATORS,
    UnsupportedOperator,
    evaluate,
    mean_parameters,
    mul_parameters,
    table,
)


@dataclasses.dataclass(frozen=True)
class Ranges:
    """The least and the greatest value of each channel."""

    low: Int64s
    high: Int64s

    @property
    def constant(self) -> Bools:
        """Which channels are constant."""
        equal: Bools = self.low == self.high
        return equal


def channel_count(tensor: Tensor) -> int:
    """Return the channels of a tensor: the size of its last axis."""
    return tensor.shape[-1] if tensor.shape else 1


def _reduced(low: Array, high: Array, channels: int) -> Ranges:
    """Return the ranges of channels whose elements have these bounds."""
    return Ranges(
        low.reshape(-1, channels).min(axis=0).astype(np.int64),
        high.reshape(-1, channels).max(axis=0).astype(np.int64),
    )


class _Bounds:
    """Bounds of tensors as arrays of their shapes, for the golden model to evaluate."""

    def __init__(self, graph: Graph, operator: Operator, ranges: dict[int, Ranges]) -> None:
        self.graph = graph
        self.operator = operator
        self.low = [self._array(index, ranges, "low") for index in operator.inputs]
        self.high = [self._array(index, ranges, "high") for index in operator.inputs]

    def _array(self, index: int, ranges: dict[int, Ranges], end: str) -> Array | None:
        if index < 0:
            return None
        tensor = self.graph.tensors[index]
        if tensor.data is not None:
            return tensor.data
        bounds = getattr(ranges[index], end).astype(np.int8)
        return np.ascontiguousarray(np.broadcast_to(bounds, tensor.shape))

    def evaluate(self, arrays: list[Array | None]) -> Array:
        tensors = self.graph.tensors
        return evaluate(
            self.operator.name,
            arrays,
            [tensors[i].value if i >= 0 else None for i in self.operator.inputs],
            [tensors[i].value for i in self.operator.outputs],
            self.operator.attributes,
        )[0]

    def ranges(self, *results: Array) -> Ranges:
        """Return the output's ranges where its bounds are among these results."""
        channels = channel_count(self.graph.tensors[self.operator.outputs[0]])
        return _reduced(np.minimum.reduce(results), np.maximum.reduce(results), channels)


def _never_decreasing(bounds: _Bounds) -> Ranges | None:
    """Operators whose result grows with each input, and those that only move elements."""
    return bounds.ranges(bounds.evaluate(bounds.low), bounds.evaluate(bounds.high))


def _mean(bounds: _Bounds) -> Ranges | None:
    """MEAN grows with each element, unless its sum leaves int32."""
    source, result = (
        bounds.graph.tensors[i] for i in (bounds.operator.inputs[0], bounds.operator.outputs[0])
    )
    count = source.size // result.size
    shift = mean_parameters(source.quantization, result.quantization, count)[1]
    if 255 * count << max(shift, 0) >= 1 << 31:
        return None
    return _never_decreasing(bounds)


def _difference(bounds: _Bounds) -> Ranges | None:
    """SUB grows with its first operand and falls with its second."""
    (a, b), (c, d) = bounds.low, bounds.high
    return bounds.ranges(bounds.evaluate([a, d]), bounds.evaluate([c, b]))


def _product(bounds: _Bounds) -> Ranges | None:
    """MUL has its extremes where both operands have theirs, unless its product leaves int32."""
    graph, op = bounds.graph, bounds.operator
    a, b, y = (graph.tensors[i].quantization for i in (*op.inputs, *op.outputs))
    if 255 * 255 << max(mul_parameters(a, b, y)[1], 0) >= 1 << 31:
        return None
    return bounds.ranges(
        *(
            bounds.evaluate([x, y])
            for x in (bounds.low[0], bounds.high[0])
            for y in (bounds.low[1], bounds.high[1])
        )
    )


_RULES: dict[str, Callable[[_Bounds], Ranges | None]] = {
    "ADD": _never_decreasing,
    "SUB": _difference,
    "MUL": _product,
    "AVERAGE_POOL_2D": _never_decreasing,
    "MAX_POOL_2D": _never_decreasing,
    "MEAN": _mean,
    **dict.fromkeys(("PAD", "PADV2", "CONCATENATION", *RENAMES), _never_decreasing),
    **dict.fromkeys(("TRANSPOSE", "STRIDED_SLICE", "RESIZE_NEAREST_NEIGHBOR"), _never_decreasing),
}


def _function(graph: Graph, operator: Operator, source: Ranges) -> Ranges:
    """A function of one number: its table between the bounds."""
    before, after = (graph.tensors[i].value for i in (operator.inputs[0], operator.outputs[0]))
    entries = table(operator.name, before, after, operator.attributes).astype(np.int64)
    pairs = np.stack([source.low, source.high], axis=1) + 128
    distinct, which = np.unique(pairs, axis=0, return_inverse=True)
    parts = [entries[first : last + 1] for first, last in distinct]
    which = which.reshape(-1)
    return Ranges(
        np.array([part.min() for part in parts])[which],
        np.array([part.max() for part in parts])[which],
    )


def _weighted(graph: Graph, operator: Operator, source: Ranges) -> Ranges | None:
    view = weighted(graph, operator)
    if view is None:
        return None
    low, high = view.results(*view.sums(source.low, source.high))
    return Ranges(low.min(axis=(1, 2)), high.max(axis=(1, 2)))


def _ranges(graph: Graph, operator: Operator, ranges: dict[int, Ranges]) -> Ranges | None:
    """Return the ranges of an operator's only output, or None where no rule knows them."""
    if len(operator.outputs) != 1 or graph.tensors[operator.outputs[0]].value.dtype != "int8":
        return None
    computed = [i for i in operator.inputs if i >= 0 and graph.tensors[i].data is None]
    if not computed or any(i not in ranges for i in computed):
        return None
    try:
        if operator.name in WEIGHTED:
            return _weighted(graph, operator, ranges[operator.inputs[0]])
        if operator.name in UNARY_OPERATORS:
            return _function(graph, operator, ranges[operator.inputs[0]])
        rule = _RULES.get(operator.name)
        return rule(_Bounds(graph, operator, ranges)) if rule is not None else None
    except UnsupportedOperator:
        # Whoever evaluates it says so; here nothing is known of it.
        return None


def channel_ranges(graph: Graph) -> dict[int, Ranges]:
    """Return the ranges of all int8 tensors' channels, by tensor index."""
    ranges: dict[int, Ranges] = {}
    for index, tensor in graph.tensors.items():
        if tensor.value.dtype != "int8":
            continue
        channels = channel_count(tensor)
        if tensor.data is not None:
            if tensor.size:
                ranges[index] = _reduced(tensor.data, tensor.data, channels)
        elif graph.producer(index) is None:
            ranges[index] = Ranges(np.full(channels, -128), np.full(channels, 127))
    for operator in graph.operators:
        found = _ranges(graph, operator, ranges)
        for index in operator.outputs:
            tensor = graph.tensors[index]
            if found is not None:
                ranges[index] = found
            elif tensor.value.dtype == "int8":
                channels = channel_count(tensor)
                ranges[index] = Ranges(np.full(channels, -128), np.full(channels, 127))
    return ranges
