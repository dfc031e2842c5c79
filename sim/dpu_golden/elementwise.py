# SPDX-License-Identifier: Apache-2.0
"""ADD, SUB and MUL, with broadcasting.

ADD and SUB (TFLite's integer_ops/add.h, reference/sub.h):
    v_i = scale((x_i - z_i) << 20, m_i, shift_i),  y = clamp(scale(v_1 +- v_2, m_y, shift_y) + z_y)
MUL (integer_ops/mul.h):
    y = clamp(scale((x_1 - z_1)(x_2 - z_2), m, shift) + z_y)
int32 tensors without quantization are added and multiplied as they are, wrapping: models compute
shapes with them.
"""

import numpy as np

from .call import Array, Call
from .fixed_point import Int64s, multiply_by_quantized_multiplier, requantize
from .parameters import activation_range, add_parameters, mul_parameters


def _check_broadcast(call: Call) -> None:
    try:
        np.broadcast_shapes(call.array(0).shape, call.array(1).shape)
    except ValueError:
        raise call.fail(
            f"The shapes {call.array(0).shape} and {call.array(1).shape} don't broadcast."
        ) from None


def _plain(call: Call) -> list[Array]:
    if call.activation != "NONE":
        raise call.fail(f"The fused activation {call.activation} is not supported on integers.")
    a, b = call.array(0).astype(np.int64), call.array(1).astype(np.int64)
    result = {"ADD": np.add, "SUB": np.subtract, "MUL": np.multiply}[call.operator](a, b)
    return call.shaped(np.asarray(result).astype(call.output.dtype))


def _is_plain(call: Call) -> bool:
    dtypes = {call.value(0).dtype, call.value(1).dtype, call.output.dtype}
    return len(dtypes) == 1 and dtypes <= {"int32", "int64"}


def add_sub(call: Call) -> list[Array]:
    """ADD and SUB."""
    _check_broadcast(call)
    if _is_plain(call):
        return _plain(call)
    call.require_int8(0, 1)
    first, second, output = call.quantization(0), call.quantization(1), call.output_quantization
    p = add_parameters(first, second, output, call.operator)

    def scaled(index: int, zero_point: int, multiplier: int, shift: int) -> Int64s:
        x = (call.array(index).astype(np.int64) - zero_point) << p.left_shift
        return multiply_by_quantized_multiplier(x, multiplier, shift)

    a = scaled(0, first.zero_point0, p.input1_multiplier, p.input1_shift)
    b = scaled(1, second.zero_point0, p.input2_multiplier, p.input2_shift)
    low, high = activation_range(call.activation, output)
    total = a + b if call.operator == "ADD" else a - b
    return call.shaped(
        requantize(total, p.output_multiplier, p.output_shift, output.zero_point0, low, high)
    )


def mul(call: Call) -> list[Array]:
    """MUL."""
    _check_broadcast(call)
    if _is_plain(call):
        return _plain(call)
    call.require_int8(0, 1)
    first, second, output = call.quantization(0), call.quantization(1), call.output_quantization
    multiplier, shift = mul_parameters(first, second, output)
    a = call.array(0).astype(np.int64) - first.zero_point0
    b = call.array(1).astype(np.int64) - second.zero_point0
    low, high = activation_range(call.activation, output)
    return call.shaped(requantize(a * b, multiplier, shift, output.zero_point0, low, high))
