# SPDX-License-Identifier: Apache-2.0
"""Find what is wrong with a network before anything is made of it.

Every operator is evaluated once in the golden model, on zeros: it refuses operators that it has no
exact meaning for, and shapes and types that don't fit.
"""

from __future__ import annotations

import math

import numpy as np

from dpu_compiler.errors import ModelError
from dpu_compiler.graph import Array, Graph, Operator, Tensor

#: Elements of the largest tensor that is believed.
_SIZE_LIMIT = 1 << 27
_QUANTIZE = "quantize it to int8 first, for instance with full-integer post-training quantization."
#: Operators whose presence on float32 tensors makes a network a float network.
_COMPUTE = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "AVERAGE_POOL_2D")


def check(graph: Graph, source: str) -> None:
    """Raise :exc:`ModelError` with what is wrong; ``source`` names the file."""
    for operator in graph.operators:
        for index in (*operator.inputs, *operator.outputs):
            if index >= 0:
                _check_type(operator, graph.tensors[index], source)
    for tensor in graph.tensors.values():
        _check_tensor(tensor, source)
    _check_operators(graph, source)


def _check_type(operator: Operator, tensor: Tensor, source: str) -> None:
    """Refuse float and uint8 networks with what to do about it."""
    dtype = tensor.value.dtype
    if dtype == "uint8" and operator.name not in ("QUANTIZE", "DEQUANTIZE"):
        raise ModelError(
            f"{source}: is a uint8 network (operator {operator.index}, {operator.name}, "
            f"tensor {tensor.name}); uint8 is not supported yet, quantize it to int8."
        )
    if dtype == "float32" and operator.name in _COMPUTE:
        raise _float_network(operator, tensor, source)
    if dtype == "int16" and operator.name in _COMPUTE:
        raise ModelError(
            f"{source}: operator {operator.index} ({operator.name}) works on int16 "
            f"activations (tensor {tensor.name}); only int8 is supported."
        )


def _float_network(operator: Operator, tensor: Tensor, source: str) -> ModelError:
    return ModelError(
        f"{source}: is a float network (operator {operator.index}, {operator.name}, "
        f"tensor {tensor.name} is float32); {_QUANTIZE}"
    )


def _refusal(graph: Graph, operator: Operator, error: Exception, source: str) -> ModelError:
    """Say why an operator cannot be computed: by its types, if they explain it."""
    found = [graph.tensors[i] for i in (*operator.inputs, *operator.outputs) if i >= 0]
    what = f"{source}: operator {operator.index} ({operator.name}) cannot be computed"
    for tensor in found:
        dtype, quantization = tensor.value.dtype, tensor.value.quantization
        if dtype == "float32" and operator.name not in ("QUANTIZE", "DEQUANTIZE"):
            return _float_network(operator, tensor, source)
        if dtype == "int8" and quantization is None:
            return ModelError(f"{what}: tensor {tensor.name} is int8 without a scale; {_QUANTIZE}")
    return ModelError(f"{what}: {error}")


def _check_tensor(tensor: Tensor, source: str) -> None:
    what = f"{source}: tensor {tensor.index} ({tensor.name})"
    # Python integers, since a damaged shape may exceed any other.
    if math.prod(tensor.shape) > _SIZE_LIMIT:
        raise ModelError(f"{what} has the shape {list(tensor.shape)}, which is too large.")
    q = tensor.value.quantization
    if q is None:
        return
    if not all(math.isfinite(scale) and scale > 0 for scale in q.scale):
        raise ModelError(f"{what} has a scale that is not a positive number; export it again.")
    if tensor.value.dtype == "int8" and not all(-128 <= z <= 127 for z in q.zero_point):
        raise ModelError(f"{what} has a zero point outside of int8; export it again.")


def _check_operators(graph: Graph, source: str) -> None:
    arrays: dict[int, Array] = {
        index: np.zeros(graph.tensors[index].shape, graph.tensors[index].value.dtype)
        for index in graph.inputs
    }
    for operator in graph.operators:
        what = f"{source}: operator {operator.index} ({operator.name})"
        for index in operator.inputs:
            if index >= 0 and index not in arrays and graph.tensors[index].data is None:
                raise ModelError(
                    f"{what} reads tensor {graph.tensors[index].name}, which no operator before "
                    "it computes; export the model again."
                )
        try:
            results = graph.evaluate(operator, arrays)
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            raise _refusal(graph, operator, error, source) from None
        arrays.update(zip(operator.outputs, results, strict=True))
    for index in graph.outputs:
        if index not in arrays and graph.tensors[index].data is None:
            raise ModelError(
                f"{source}: its output {graph.tensors[index].name} is never computed; "
                "export the model again."
            )
