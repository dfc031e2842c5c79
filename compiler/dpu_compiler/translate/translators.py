# SPDX-License-Identifier: Apache-2.0
"""Which function translates which operator."""

from __future__ import annotations

from collections.abc import Callable

from dpu_compiler.graph import Operator
from dpu_compiler.translate import array, elementwise, movement, pool
from dpu_compiler.translate.step import StepBuilder
from dpu_golden import UNARY_OPERATORS

TRANSLATORS: dict[str, Callable[[StepBuilder, Operator], None]] = {
    "CONV_2D": array.conv_2d,
    "DEPTHWISE_CONV_2D": array.depthwise_conv_2d,
    "FULLY_CONNECTED": array.fully_connected,
    "ADD": elementwise.sum_or_difference,
    "SUB": elementwise.sum_or_difference,
    "MUL": elementwise.product,
    **dict.fromkeys(UNARY_OPERATORS, elementwise.function),
    "AVERAGE_POOL_2D": pool.average_pool_2d,
    "MAX_POOL_2D": pool.max_pool_2d,
    "MEAN": pool.mean,
    "RESHAPE": movement.reshape,
    "SQUEEZE": movement.reshape,
    "EXPAND_DIMS": movement.reshape,
    "TRANSPOSE": movement.planar_transpose,
    "PAD": movement.pad,
    "PADV2": movement.pad,
    "RESIZE_NEAREST_NEIGHBOR": movement.resize,
    "STRIDED_SLICE": movement.strided_slice,
    "CONCATENATION": movement.concatenation,
}


def translate(step: StepBuilder, operator: Operator) -> None:
    """Add the layers of an operator to a step."""
    TRANSLATORS[operator.name](step, operator)
