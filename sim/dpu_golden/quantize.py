# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE and DEQUANTIZE (TFLite's reference/quantize.h, requantize.h and dequantize.h)."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .call import Array, Call
from .fixed_point import (
    INT32_MAX,
    INT32_MIN,
    Int64s,
    multiply_by_quantized_multiplier,
    wrap32,
)
from .parameters import dtype_range, sum_parameters

_INTEGERS = ("int8", "uint8", "int16", "int32")


def _from_float(x: npt.NDArray[np.float32], scale: float, zero_point: int) -> Int64s:
    """round_half_away(x / s) + z, the quotient in float32.

    A quotient that doesn't fit in int32, or is no number, becomes -2^31, which is what the
    conversion instruction of x86 gives (and the sum with the zero point wraps).
    """
    with np.errstate(over="ignore", invalid="ignore"):
        quotient = (x / np.float32(scale)).astype(np.float64)
    magnitude = np.floor(np.abs(quotient) + 0.5)  # exact: a float32 has at most 24 bits
    rounded = np.copysign(magnitude, quotient)
    fits = (rounded >= INT32_MIN) & (rounded <= INT32_MAX)
    return wrap32(np.where(fits, rounded, INT32_MIN).astype(np.int64) + zero_point)


def rescale(call: Call, x: npt.NDArray[np.integer[Any]]) -> Array:
    """Integers of one quantization to another: ``clamp(scale(x - z_x, m, shift) + z_y)``."""
    output = call.output_quantization
    multiplier, shift = sum_parameters(call.quantization(0), output)
    centred = wrap32(x.astype(np.int64) - call.quantization(0).zero_point0)
    scaled = multiply_by_quantized_multiplier(centred, multiplier, shift)
    low, high = dtype_range(call.output.dtype)
    return np.clip(wrap32(scaled + output.zero_point0), low, high).astype(call.output.dtype)


def quantize(call: Call) -> list[Array]:
    """QUANTIZE: float32 to integers, or a change of scale between integers."""
    source, target = call.value(0).dtype, call.output.dtype
    if call.output_quantization.per_channel:
        raise call.fail("An output with a scale for each channel is not supported.")
    if target not in _INTEGERS:
        raise call.fail(f"The output is {target}; it must be an integer of up to 32 bits.")
    x = call.array(0)
    if source == "float32":
        output = call.output_quantization
        low, high = dtype_range(target)
        stored = _from_float(x.astype(np.float32), output.scale0, output.zero_point0)
        return call.shaped(np.clip(stored, low, high).astype(target))
    if source not in _INTEGERS:
        raise call.fail(
            f"The input is {source}; it must be float32 or an integer of up to 32 bits."
        )
    return call.shaped(rescale(call, x))


def dequantize(call: Call) -> list[Array]:
    """DEQUANTIZE: ``float32(double(s_x) * (x - z_x))``."""
    if call.value(0).dtype not in ("int8", "uint8", "int16"):
        raise call.fail(f"The input is {call.value(0).dtype}; it must be int8, uint8 or int16.")
    if call.output.dtype != "float32":
        raise call.fail(f"The output is {call.output.dtype}; it must be float32.")
    input = call.quantization(0)
    if input.per_channel:
        raise call.fail("An input with a scale for each channel is not supported.")
    centred = call.array(0).astype(np.int64) - input.zero_point0
    return call.shaped((input.scale0 * centred.astype(np.float64)).astype(np.float32))
