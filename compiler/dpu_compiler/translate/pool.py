# SPDX-License-Identifier: Apache-2.0
"""Pools and means: to the vector unit."""

from __future__ import annotations

import itertools

from dpu_compiler.graph import Operator
from dpu_compiler.layer import Window
from dpu_compiler.layers.tiles import Tile
from dpu_compiler.layers.vector import Function, VectorLayer
from dpu_compiler.passes.pad import explicit_padding
from dpu_compiler.rules.weights import effective_stride
from dpu_compiler.translate.step import StepBuilder
from dpu_golden import activation_range, mean_parameters
from dpu_spec.isa import ACCUMULATE, MAXIMUM, MODE_DIVIDE


def divide_values(count: int) -> dict[str, int]:
    """Return the fields that divide a sum by ``count`` (2 or more), rounding half away from zero.

    With r = floor(log2 count) and m = ceil(2^(31 + r) / count) < 2^31 + 1, (x m) >> (31 + r) is
    floor(x / count) for all x < 2^30, since m exceeds the true factor by less than
    count / 2^(31 + r).
    """
    r = count.bit_length() - 1
    multiplier = -(-(1 << (31 + r)) // count)
    if multiplier == 1 << 31:  # a power of two
        multiplier, r = 1 << 30, r - 1
    return {"mode": MODE_DIVIDE, "bias": count // 2, "multiplier": multiplier, "shift": -r}


def _pool_window(step: StepBuilder, operator: Operator) -> Window:
    kernel = operator.attributes["filter"]
    padding = explicit_padding(step.graph, operator, kernel)
    return Window(
        kernel=kernel,
        stride=effective_stride(step.graph, operator),
        before=(padding[0][0], padding[1][0]),
    )


def _runs(
    first: int, count: int, size: int, axis: int, window: Window
) -> list[tuple[int, int, int]]:
    """Cut outputs along an axis where the number of valid taps changes: (first, count, taps)."""

    def taps(position: int) -> int:
        start = position * window.stride[axis] - window.before[axis]
        return min(start + window.kernel[axis], size) - max(start, 0)

    result = []
    for valid, group in itertools.groupby(range(first, first + count), taps):
        members = list(group)
        result.append((members[0], len(members), valid))
    return result


def average_pool_2d(step: StepBuilder, operator: Operator) -> None:
    """AVERAGE_POOL_2D: only the valid elements of a window count."""
    source = step.require(operator.inputs[0], operator.index)
    output = step.new_map(operator.outputs[0])
    window = _pool_window(step, operator)
    quantization = step.graph.tensors[operator.outputs[0]].quantization
    minimum, maximum = activation_range(operator.attributes["activation"], quantization)

    def average(count: int) -> Function:
        clamp = {"minimum": minimum, "maximum": maximum}
        if count == 1:  # The only valid element, beside ones that cannot be larger.
            return Function(MAXIMUM, {**clamp, "border": -128})
        return Function(ACCUMULATE, {**clamp, **divide_values(count)})

    def cut(tile: Tile) -> list[tuple[Tile, Function]]:
        return [
            (Tile(row, rows, column, columns), average(high * wide))
            for row, rows, high in _runs(tile.row, tile.rows, source.height, 0, window)
            for column, columns, wide in _runs(tile.column, tile.columns, source.width, 1, window)
        ]

    step.layers.append(
        VectorLayer(
            operator.index, source, output, Function(ACCUMULATE, {}), window=window, cut=cut
        )
    )


def max_pool_2d(step: StepBuilder, operator: Operator) -> None:
    """MAX_POOL_2D: elements outside count as the smallest number."""
    source = step.require(operator.inputs[0], operator.index)
    output = step.new_map(operator.outputs[0])
    quantization = step.graph.tensors[operator.outputs[0]].quantization
    minimum, maximum = activation_range(operator.attributes["activation"], quantization)
    values = {"border": -128, "minimum": minimum, "maximum": maximum}
    step.layers.append(
        VectorLayer(
            operator.index,
            source,
            output,
            Function(MAXIMUM, values),
            window=_pool_window(step, operator),
        )
    )


def mean(step: StepBuilder, operator: Operator) -> None:
    """MEAN over height and width: a sum, rescaled."""
    source = step.require(operator.inputs[0], operator.index)
    output = step.new_map(operator.outputs[0], hwc=(1, 1, source.channels))
    a, y = (step.graph.tensors[i].quantization for i in (operator.inputs[0], operator.outputs[0]))
    count = source.height * source.width
    multiplier, shift = mean_parameters(a, y, count)
    values = {
        "bias": -a.zero_point0 * count,
        "multiplier": multiplier,
        "shift": shift,
        "out_zero_point": y.zero_point0,
        "minimum": -128,
        "maximum": 127,
    }
    step.layers.append(
        VectorLayer(
            operator.index,
            source,
            output,
            Function(ACCUMULATE, values),
            window=Window((source.height, source.width)),
        )
    )
