# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D, any kernel, stride, dilation and depth multiplier.

Output channel ``c multiplier + m`` sees input channel c only; accumulation and scaling are those
of CONV_2D (TFLite's integer_ops/depthwise_conv.h).
"""

import numpy as np

from .call import Array, Call
from .conv import finish, require_symmetric
from .window import window_of


def depthwise_conv_2d(call: Call) -> list[Array]:
    """DEPTHWISE_CONV_2D: inputs NHWC activations, 1HWC weights, optional bias."""
    call.require_int8(0, 1)
    require_symmetric(call, 1)
    x, weights = call.array(0), call.array(1)
    if x.ndim != 4 or weights.ndim != 4 or weights.shape[0] != 1:
        raise call.fail(f"Input {x.shape} must be NHWC and weights {weights.shape} 1HWC.")
    _, kernel_h, kernel_w, channels = weights.shape
    multiplier = call.integer("depth_multiplier", 0) or channels // x.shape[3]
    if x.shape[3] * multiplier != channels:
        raise call.fail(
            f"{x.shape[3]} input channels times the depth multiplier {multiplier} are not the "
            f"weights' {channels} channels."
        )
    window = window_of(call, (x.shape[1], x.shape[2]), (kernel_h, kernel_w))
    centred = x.astype(np.int32) - call.quantization(0).zero_point0
    padded = window.pad(np.repeat(centred, multiplier, axis=3) if multiplier > 1 else centred)
    kernel = weights[0].astype(np.int32)
    acc = np.zeros((x.shape[0], *window.out, channels), np.int32)
    for row, column, seen in window.taps(padded):
        acc += seen * kernel[row, column]
    return call.shaped(finish(call, acc.astype(np.int64), channels))
