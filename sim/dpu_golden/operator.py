# SPDX-License-Identifier: Apache-2.0
"""Evaluate operators by their TFLite names."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from . import (
    activation,
    conv,
    depthwise,
    elementwise,
    fully_connected,
    pool,
    reduce,
    shape,
    softmax,
)
from . import quantize as quantize_family
from .call import Array, Call
from .errors import UnsupportedOperator
from .fixed_point import Int8s, Int64s
from .value import Value

# Functions of one int8 number, each given by its whole table.
_UNARY: dict[str, Callable[[Call, Int64s], Int8s]] = {
    "RELU": activation.relu,
    "RELU6": activation.relu6,
    "LEAKY_RELU": activation.leaky_relu,
    "LOGISTIC": activation.logistic,
    "TANH": activation.tanh,
    "HARD_SWISH": activation.hard_swish,
}

_OPERATORS: dict[str, Callable[[Call], list[Array]]] = {
    "CONV_2D": conv.conv_2d,
    "DEPTHWISE_CONV_2D": depthwise.depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected.fully_connected,
    "ADD": elementwise.add_sub,
    "SUB": elementwise.add_sub,
    "MUL": elementwise.mul,
    "AVERAGE_POOL_2D": pool.average_pool_2d,
    "MAX_POOL_2D": pool.max_pool_2d,
    "MEAN": reduce.mean_or_sum,
    "SUM": reduce.mean_or_sum,
    "REDUCE_MAX": reduce.max_or_min,
    "REDUCE_MIN": reduce.max_or_min,
    "PAD": shape.pad,
    "PADV2": shape.pad,
    "CONCATENATION": shape.concatenation,
    "RESHAPE": shape.reshape,
    "SQUEEZE": shape.reshape,
    "EXPAND_DIMS": shape.reshape,
    "TRANSPOSE": shape.transpose,
    "STRIDED_SLICE": shape.strided_slice,
    "SLICE": shape.slice_,
    "RESIZE_NEAREST_NEIGHBOR": shape.resize_nearest_neighbor,
    "SPLIT": shape.split,
    "SPLIT_V": shape.split,
    "PACK": shape.pack,
    "UNPACK": shape.unpack,
    "SHAPE": shape.shape,
    "GATHER": shape.gather,
    "QUANTIZE": quantize_family.quantize,
    "DEQUANTIZE": quantize_family.dequantize,
    "SOFTMAX": softmax.softmax,
}

OPERATORS: tuple[str, ...] = tuple(sorted({*_OPERATORS, *_UNARY}))
"""The names that ``evaluate`` knows."""

UNARY_OPERATORS: tuple[str, ...] = tuple(sorted({*_UNARY, "QUANTIZE"}))
"""The names that ``table`` knows."""


def evaluate(
    operator: str,
    inputs: Sequence[Array | None],
    input_values: Sequence[Value | None],
    output_values: Sequence[Value],
    attributes: Mapping[str, object],
) -> list[Array]:
    """Evaluate one operator, bit for bit as the reference runtime does.

    ``operator`` is TFLite's builtin name. Absent optional inputs are None. Arrays have the shapes
    and types of their descriptions; so have the results. Weight layouts are TFLite's: CONV_2D
    OHWI, DEPTHWISE_CONV_2D 1HWC, FULLY_CONNECTED OI.

    Raises ``UnsupportedOperator`` for what has no exact meaning here, with the reason.
    """
    call = Call(operator, inputs, input_values, output_values, attributes)
    _check(call)
    if operator in _OPERATORS:
        return _OPERATORS[operator](call)
    if operator in _UNARY:
        call.require_int8(0)
        x = call.array(0)
        return call.shaped(_table(call)[x.astype(np.int64) + 128])
    raise UnsupportedOperator(f"The operator {operator} is not supported.")


def table(
    operator: str, input_value: Value, output_value: Value, attributes: Mapping[str, object]
) -> Int8s:
    """The whole int8 to int8 map of a function of one number, indexed by the input plus 128."""
    call = Call(operator, [None], [input_value], [output_value], attributes)
    if operator not in UNARY_OPERATORS:
        raise UnsupportedOperator(f"The operator {operator} is no function of one number.")
    call.require_int8(0)
    return _table(call)


def _table(call: Call) -> Int8s:
    x = np.arange(-128, 128, dtype=np.int64)
    if call.operator == "QUANTIZE":
        return quantize_family.rescale(call, x)
    return _UNARY[call.operator](call, x)


def _check(call: Call) -> None:
    """Hold the arrays against their descriptions, so that a mix-up is found where it happens."""
    for index, (array, value) in enumerate(zip(call.inputs, call.input_values, strict=True)):
        if array is None or value is None:
            continue
        if array.shape != value.shape or array.dtype != np.dtype(value.dtype):
            raise ValueError(
                f"{call.operator}: Input {index} is {array.dtype}{list(array.shape)}, but its "
                f"description says {value.dtype}{list(value.shape)}."
            )
