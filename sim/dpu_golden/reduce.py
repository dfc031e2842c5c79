# SPDX-License-Identifier: Apache-2.0
"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN (TFLite's reference/reduce.h)."""

import numpy as np

from .call import Array, Call
from .fixed_point import requantize, wrap32
from .parameters import mean_parameters, sum_parameters


def _axes(call: Call) -> tuple[int, ...]:
    rank = call.array(0).ndim
    axes = set()
    for axis in call.integers(1, "axis"):
        if not -rank <= axis < rank:
            raise call.fail(f"The axis {axis} is outside the input's {rank} axes.")
        axes.add(axis % rank)
    return tuple(sorted(axes))


def mean_or_sum(call: Call) -> list[Array]:
    """MEAN and SUM: ``clamp(scale(sum x - n z_x, m, shift) + z_y)``, see ``mean_parameters``."""
    call.require_int8(0)
    axes = _axes(call)
    x, input, output = call.array(0), call.quantization(0), call.output_quantization
    count = int(np.prod([x.shape[axis] for axis in axes], dtype=np.int64))
    if count == 0:
        raise call.fail(f"The input {x.shape} is empty.")
    total = x.sum(axis=axes, keepdims=call.flag("keep_dims"), dtype=np.int64)
    if call.operator == "MEAN":
        multiplier, shift = mean_parameters(input, output, count)
    else:
        multiplier, shift = sum_parameters(input, output)
    acc = wrap32(np.asarray(total - input.zero_point0 * count, np.int64))
    return call.shaped(requantize(acc, multiplier, shift, output.zero_point0, -128, 127))


def max_or_min(call: Call) -> list[Array]:
    """REDUCE_MAX and REDUCE_MIN, on the stored numbers."""
    if call.value(0).quantization != call.output.quantization:
        raise call.fail("Input and output have different quantizations.")
    function = np.max if call.operator == "REDUCE_MAX" else np.min
    result = function(call.array(0), axis=_axes(call), keepdims=call.flag("keep_dims"))
    return call.shaped(np.asarray(result))
