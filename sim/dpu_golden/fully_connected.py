# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED, one scale or one a channel (TFLite's integer_ops/fully_connected.h)."""

import numpy as np

from .call import Array, Call
from .conv import finish, require_symmetric
from .matmul import exact_matmul, product_dtype


def fully_connected(call: Call) -> list[Array]:
    """FULLY_CONNECTED: activations of any rank, taken as rows of the weights' depth; OI weights.

    The sums are those of CONV_2D with a 1x1 kernel. The output's shape is the model's (it depends
    on ``keep_num_dims``).
    """
    call.require_int8(0, 1)
    require_symmetric(call, 1)
    x, weights = call.array(0), call.array(1)
    if weights.ndim != 2:
        raise call.fail(f"The weights' shape is {weights.shape}; it must have two axes.")
    channels, depth = weights.shape
    if x.size % depth:
        raise call.fail(f"The input {x.shape} doesn't divide into rows of {depth}.")
    dtype = product_dtype(depth)
    rows = x.reshape(-1, depth).astype(np.int16) - np.int16(call.quantization(0).zero_point0)
    acc = exact_matmul(rows.astype(dtype), weights.T.astype(dtype))
    result = finish(call, acc, channels)
    if result.size != int(np.prod(call.output.shape)) or call.output.shape[-1] != channels:
        raise call.fail(
            f"It makes {result.shape[0]} rows of {channels}, but the model says "
            f"{call.output.shape}."
        )
    return [result.reshape(call.output.shape)]
