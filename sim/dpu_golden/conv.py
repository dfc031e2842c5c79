# SPDX-License-Identifier: Apache-2.0
"""CONV_2D, any kernel, stride, dilation and number of groups.

    acc = sum (x - z_x) w + bias            int32, wrapping; padding contributes nothing
    y = clamp(scale(acc, m[c], shift[c]) + z_y)

as in TFLite's integer_ops/conv.h, with the scaling of ``fixed_point``.
"""

import numpy as np

from .call import Array, Call
from .fixed_point import Int64s, requantize, wrap32
from .matmul import exact_matmul, product_dtype
from .parameters import activation_range, conv_multipliers
from .window import Window, window_of

# Patches are gathered for so many elements at a time, so that they stay in the cache's reach.
_PATCH_ELEMENTS = 1 << 22


def require_symmetric(call: Call, index: int) -> None:
    """Refuse weights with a zero point: the reference kernels ignore it, so it has no meaning."""
    if any(call.quantization(index).zero_point):
        raise call.fail("The weights have a zero point that is not 0.")


def finish(call: Call, acc: Int64s, channels: int) -> Array:
    """Add the bias (input 2, optional) and requantize accumulators, channels on the last axis."""
    if call.has(2):
        bias = call.array(2).reshape(-1).astype(np.int64)
        if bias.size != channels:
            raise call.fail(f"It has {bias.size} biases for {channels} output channels.")
        acc = acc + bias
    multiplier, shift = conv_multipliers(call.value(0), call.value(1), call.output, channels)
    output = call.output_quantization
    low, high = activation_range(call.activation, output)
    return requantize(wrap32(acc), multiplier, shift, output.zero_point0, low, high)


def _patches(padded: Array, window: Window, rows: slice) -> Array:
    """The windows of some output rows, one a row of a matrix: kernel row, column, channel."""
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    batch, _, _, channels = padded.shape
    s_n, s_h, s_w, s_c = padded.strides
    start = padded[:, rows.start * stride_h :]
    view = np.lib.stride_tricks.as_strided(
        start,
        (batch, rows.stop - rows.start, window.out[1], kernel_h, kernel_w, channels),
        (
            s_n,
            s_h * stride_h,
            s_w * stride_w,
            s_h * window.dilation[0],
            s_w * window.dilation[1],
            s_c,
        ),
        writeable=False,
    )
    return view.reshape(-1, kernel_h * kernel_w * channels)


def _group(x: Array, weights: Array, window: Window) -> Int64s:
    """Accumulators of one group: NHWC input less its zero point, OHWI weights."""
    channels = weights.shape[0]
    reduction = int(np.prod(weights.shape[1:]))
    dtype = product_dtype(reduction)
    padded = np.ascontiguousarray(window.pad(x).astype(dtype))
    matrix = np.ascontiguousarray(weights.reshape(channels, reduction).T.astype(dtype))
    batch, (out_h, out_w) = x.shape[0], window.out
    acc = np.empty((batch, out_h, out_w, channels), np.int64)
    step = max(1, _PATCH_ELEMENTS // max(1, batch * out_w * reduction))
    for first in range(0, out_h, step):
        rows = slice(first, min(first + step, out_h))
        product = exact_matmul(_patches(padded, window, rows), matrix)
        acc[:, rows] = product.reshape(batch, -1, out_w, channels)
    return acc


def conv_2d(call: Call) -> list[Array]:
    """CONV_2D: inputs NHWC activations, OHWI weights, optional bias."""
    call.require_int8(0, 1)
    require_symmetric(call, 1)
    x, weights = call.array(0), call.array(1)
    if x.ndim != 4 or weights.ndim != 4:
        raise call.fail(f"Input {x.shape} and weights {weights.shape} must have four axes.")
    channels, kernel_h, kernel_w, depth = weights.shape
    groups, rest = divmod(x.shape[3], depth)
    if rest or not groups or channels % groups:
        raise call.fail(
            f"The input's {x.shape[3]} channels don't divide into groups of {depth} for "
            f"{channels} output channels."
        )
    window = window_of(call, (x.shape[1], x.shape[2]), (kernel_h, kernel_w))
    centred = x.astype(np.int16) - np.int16(call.quantization(0).zero_point0)
    filters = channels // groups
    parts = [
        _group(
            centred[..., group * depth : (group + 1) * depth],
            weights[group * filters : (group + 1) * filters],
            window,
        )
        for group in range(groups)
    ]
    acc = parts[0] if groups == 1 else np.concatenate(parts, axis=3)
    return call.shaped(finish(call, acc, channels))
