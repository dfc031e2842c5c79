# SPDX-License-Identifier: Apache-2.0
"""One view of convolutions, depthwise ones and fully connected layers, for analyses of channels.

Every output is ``requantize(wrap32(sum of w (x - zero point) over a set of taps + bias))``. Which
taps count depends on the position: those that lie outside the map contribute nothing. The sets
that occur are the *border cases*, one set of rows and one of columns each.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from dpu_compiler.graph import Graph, Operator
from dpu_compiler.passes.pad import explicit_padding
from dpu_golden import (
    activation_range,
    conv_multipliers,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
)

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")

_MIN, _MAX = -(1 << 31), (1 << 31) - 1


def wrapped(low: Int64s, high: Int64s) -> tuple[Int64s, Int64s]:
    """Return the bounds of int32 numbers that wrap from between ``low`` and ``high``.

    Where a range crosses a bound of int32, its numbers may be any.
    """
    inside = (low + (1 << 31)) >> 32 == (high + (1 << 31)) >> 32
    return (
        np.where(inside, low.astype(np.int32), _MIN).astype(np.int64),
        np.where(inside, high.astype(np.int32), _MAX).astype(np.int64),
    )


@dataclasses.dataclass(frozen=True)
class Weighted:
    """Weights as [output, kernel row, kernel column, input].

    ``depthwise`` ones have one input for each output; what sees the only channel of a map is none.

    ``rows`` and ``columns`` are the border cases, as [case, kernel row] and [case, kernel column].
    """

    depthwise: bool
    weights: Int64s
    bias: Int64s
    rows: Bools
    columns: Bools
    input_zero_point: int
    multiplier: Int64s
    shift: Int64s
    output_zero_point: int
    minimum: int
    maximum: int

    def by_case(self, taps: Int64s) -> Int64s:
        """Sum numbers by tap, [..., kernel row, kernel column], to [..., row case, column case]."""
        part = taps @ self.columns.T.astype(np.int64)
        swapped = np.swapaxes(part, -1, -2) @ self.rows.T.astype(np.int64)
        return np.swapaxes(swapped, -1, -2)

    def sums(self, low: Int64s, high: Int64s) -> tuple[Int64s, Int64s]:
        """Return the bounds of sums with bias, as [output, row case, column case], not wrapped.

        ``low`` and ``high`` are the bounds of the input's channels.
        """
        a, b = low - self.input_zero_point, high - self.input_zero_point
        if self.depthwise:
            multiplier = len(self.weights) // len(low)
            weights = self.weights[..., 0]
            ends = np.stack(
                [weights * np.repeat(x, multiplier)[:, None, None] for x in (a, b)], axis=0
            )
            taps = ends.min(axis=0), ends.max(axis=0)
        else:
            # Products of float64 are exact: they stay far below 2^53.
            up = np.maximum(self.weights, 0).astype(np.float64)
            down = np.minimum(self.weights, 0).astype(np.float64)
            fa, fb = a.astype(np.float64), b.astype(np.float64)
            taps = (
                (up @ fa + down @ fb).astype(np.int64),
                (up @ fb + down @ fa).astype(np.int64),
            )
        bias = self.bias[:, None, None]
        return self.by_case(taps[0]) + bias, self.by_case(taps[1]) + bias

    def results(self, low: Int64s, high: Int64s) -> tuple[Int64s, Int64s]:
        """Return the bounds of outputs for bounds of sums, as [output, ...] each.

        Requantization never decreases, since multipliers are not negative; only where int32
        wraps can it jump, and there the bounds are those of int32.
        """
        shape = (-1,) + (1,) * (low.ndim - 1)
        multiplier, shift = self.multiplier.reshape(shape), self.shift.reshape(shape)
        left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
        low, high = wrapped(low, high)
        low, high = wrapped(low << left, high << left)
        ends = [
            rounding_divide_by_pot(rounding_doubling_high_mul(x, multiplier), right)
            + self.output_zero_point
            for x in (low, high)
        ]
        low, high = wrapped(ends[0], ends[1])
        return (
            np.clip(low, self.minimum, self.maximum),
            np.clip(high, self.minimum, self.maximum),
        )


def _cases(size: int, count: int, kernel: int, stride: int, dilation: int, before: int) -> Bools:
    """Return the sets of taps inside the map that occur along an axis, as [case, tap]."""
    positions = np.arange(count)[:, None] * stride - before + np.arange(kernel) * dilation
    found: Bools = np.unique((positions >= 0) & (positions < size), axis=0)
    return found


def weighted(graph: Graph, operator: Operator) -> Weighted | None:
    """Return the view of an operator, or None where it is none of these, or of another kind."""
    if operator.name not in WEIGHTED:
        return None
    source, weights = (graph.tensors[i] for i in operator.inputs[:2])
    result = graph.tensors[operator.outputs[0]]
    if weights.data is None or {t.value.dtype for t in (source, weights, result)} != {"int8"}:
        return None
    data = weights.data.astype(np.int64)
    rows = columns = np.ones((1, 1), np.bool_)
    depthwise = operator.name == "DEPTHWISE_CONV_2D"
    if operator.name == "FULLY_CONNECTED":
        channels = source.shape[-1] if source.shape else 1
        if data.shape[1] % channels or data.shape[1] not in (channels, source.size):
            return None
        # Over all elements: each pixel is a tap.
        data = data.reshape(len(data), 1, -1, channels)
        columns = np.ones((1, data.shape[2]), np.bool_)
    else:
        if depthwise:
            data = data[0].transpose(2, 0, 1)[..., None]
            depthwise = source.shape[3] > 1
        elif data.shape[3] != source.shape[3]:
            return None
        padding = explicit_padding(graph, operator, data.shape[1:3])
        stride = operator.attributes["stride"]
        dilation = operator.attributes.get("dilation", (1, 1))
        rows, columns = (
            _cases(
                source.shape[1 + axis],
                result.shape[1 + axis],
                data.shape[1 + axis],
                stride[axis],
                dilation[axis],
                padding[axis][0],
            )
            for axis in (0, 1)
        )
    bias = np.zeros(len(data), np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        given = graph.tensors[operator.inputs[2]].data
        if given is None:
            return None
        bias = given.reshape(-1).astype(np.int64)
    multiplier, shift = conv_multipliers(source.value, weights.value, result.value, len(data))
    minimum, maximum = activation_range(
        operator.attributes.get("activation", "NONE"), result.quantization
    )
    return Weighted(
        depthwise,
        data,
        bias,
        rows,
        columns,
        source.quantization.zero_point0,
        multiplier,
        shift,
        result.quantization.zero_point0,
        minimum,
        maximum,
    )
