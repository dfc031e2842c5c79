# SPDX-License-Identifier: Apache-2.0
"""Operators that the host computes, with the golden model's arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

import dpu_golden
from dpu_spec.program import HostOperator, Program, Tensor

Array = npt.NDArray[Any]


def value(tensor: Tensor) -> dpu_golden.Value:
    """Return the golden model's description of a tensor."""
    quantization = None
    if tensor.scale:
        quantization = dpu_golden.Quantization(tensor.scale, tensor.zero_point, tensor.axis)
    return dpu_golden.Value(tensor.shape, tensor.dtype, quantization)


def evaluate(
    program: Program, operator: HostOperator, tensor: Callable[[int], Array]
) -> dict[int, Array]:
    """Evaluate an operator; ``tensor`` returns a computed tensor by its index."""
    tensors = program.tensors

    def operand(index: int) -> Array | None:
        if index < 0:
            return None
        if index not in operator.constants:
            return tensor(index)
        offset, size = operator.constants[index]
        data = program.host_data[offset : offset + size]
        return np.frombuffer(data, np.dtype(tensors[index].dtype)).reshape(tensors[index].shape)

    results = dpu_golden.evaluate(
        operator.operator,
        [operand(index) for index in operator.inputs],
        [value(tensors[index]) if index >= 0 else None for index in operator.inputs],
        [value(tensors[index]) for index in operator.outputs],
        operator.attributes,
    )
    return dict(zip(operator.outputs, results, strict=True))
