# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D (TFLite's integer_ops/pooling.h).

Both work on the stored numbers, without any scaling: input and output must have the same
quantization. Padding is left out of the average and of its count.
"""

import numpy as np

from .call import Array, Call
from .parameters import activation_range
from .window import Window, window_of


def _window(call: Call) -> Window:
    call.require_int8(0)
    x, output = call.quantization(0), call.output_quantization
    # The reference runtime tolerates scales that differ by less than this.
    if x.zero_point0 != output.zero_point0 or abs(x.scale0 - output.scale0) > 1e-6:
        raise call.fail("Input and output have different quantizations.")
    if call.array(0).ndim != 4:
        raise call.fail(f"The input {call.array(0).shape} must have four axes.")
    size = (call.array(0).shape[1], call.array(0).shape[2])
    return window_of(call, size, call.pair("filter", (1, 1)))


def average_pool_2d(call: Call) -> list[Array]:
    """AVERAGE_POOL_2D: ``(sum +- n // 2) / n`` towards zero, n the elements inside the image."""
    window = _window(call)
    x = call.array(0).astype(np.int32)
    inside = window.pad(np.ones((1, *x.shape[1:3], 1), np.int32))
    acc = np.zeros((x.shape[0], *window.out, x.shape[3]), np.int32)
    count = np.zeros((1, *window.out, 1), np.int32)
    for _, _, seen in window.taps(window.pad(x)):
        acc += seen
    for _, _, seen in window.taps(inside):
        count += seen
    if not count.all():
        raise call.fail("A window lies outside the image altogether.")
    magnitude = (np.abs(acc) + count // 2) // count
    low, high = activation_range(call.activation, call.output_quantization)
    return call.shaped(np.clip(np.sign(acc) * magnitude, low, high).astype(np.int8))


def max_pool_2d(call: Call) -> list[Array]:
    """MAX_POOL_2D: the largest stored number inside the image."""
    window = _window(call)
    x = call.array(0)
    acc = np.full((x.shape[0], *window.out, x.shape[3]), -128, np.int8)
    for _, _, seen in window.taps(window.pad(x, -128)):
        np.maximum(acc, seen, out=acc)
    low, high = activation_range(call.activation, call.output_quantization)
    return call.shaped(np.clip(acc.astype(np.int32), low, high).astype(np.int8))
