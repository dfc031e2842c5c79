# SPDX-License-Identifier: Apache-2.0
"""Read .tflite files into graphs."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import tflite

from dpu_compiler.errors import ModelError
from dpu_compiler.frontend.check import check
from dpu_compiler.frontend.formats import is_onnx, kind
from dpu_compiler.frontend.names import printable
from dpu_compiler.frontend.options import OPTIONS
from dpu_compiler.graph import Array, Graph, Operator, Tensor
from dpu_golden import OPERATORS, Quantization, Value

_TYPES = {
    tflite.TensorType.FLOAT32: "float32",
    tflite.TensorType.INT32: "int32",
    tflite.TensorType.UINT8: "uint8",
    tflite.TensorType.INT64: "int64",
    tflite.TensorType.BOOL: "bool",
    tflite.TensorType.INT16: "int16",
    tflite.TensorType.INT8: "int8",
}
_TYPE_NAMES = {v: k.lower() for k, v in vars(tflite.TensorType).items() if isinstance(v, int)}
_OPERATOR_NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}


def read_model(path: Path) -> Graph:
    """Read a model file; raise :exc:`ModelError` where it cannot be used."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read: {error.strerror}; name a .tflite file."
        ) from None
    return read_bytes(data, source=str(path))


def read_bytes(data: bytes, *, source: str) -> Graph:
    """Read a model from bytes; ``source`` names it in errors."""
    is_tflite = len(data) >= 16 and data[4:8] == b"TFL3"
    if source.lower().endswith(".onnx") or (not is_tflite and is_onnx(data)):
        raise ModelError(
            f"{source}: is an ONNX network, and ONNX is not supported yet; convert it to an int8 "
            ".tflite file."
        )
    if not is_tflite:
        raise ModelError(
            f"{source}: is not a TFLite model ({kind(data)}); name an int8 .tflite file."
        )
    try:
        graph = _graph(data, source)
    except ModelError:
        raise
    # A damaged flatbuffer shows as whatever its random offsets lead to.
    except (struct.error, IndexError, ValueError, TypeError, KeyError, MemoryError) as error:
        raise ModelError(
            f"{source}: is damaged or cut short ({type(error).__name__}: {error}); "
            "get the file again."
        ) from None
    check(graph, source)
    return graph


def _quantization(parameters: Any, shape: tuple[int, ...]) -> Quantization | None:
    if parameters is None or parameters.ScaleLength() == 0:
        return None
    scale = tuple(float(v) for v in parameters.ScaleAsNumpy())
    if parameters.ZeroPointLength():
        zero_point = tuple(int(v) for v in parameters.ZeroPointAsNumpy())
    else:
        zero_point = (0,)
    if len(zero_point) == 1 < len(scale):
        zero_point = zero_point * len(scale)
    axis = parameters.QuantizedDimension()
    # Files exist whose rank-1 biases carry the quantized dimension of their weights.
    if axis >= max(len(shape), 1):
        axis = 0
    return Quantization(scale, zero_point, axis)


def _constant(
    model: Any, data: bytes, tensor: Any, dtype: str, shape: tuple[int, ...], what: str
) -> Array | None:
    buffer = model.Buffers(tensor.Buffer())
    length = buffer.DataLength()
    if length == 0:
        return None
    raw = np.asarray(buffer.DataAsNumpy()).tobytes()
    expected = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if len(raw) != length or length != expected:
        raise ValueError(f"{what} has {len(raw)} bytes, its shape needs {expected}")
    return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)


def _tensor(model: Any, data: bytes, subgraph: Any, index: int, source: str) -> Tensor:
    tensor = subgraph.Tensors(index)
    name = printable((tensor.Name() or b"").decode("utf-8", "replace"))
    dtype = _TYPES.get(tensor.Type())
    if dtype is None:
        raise ModelError(
            f"{source}: tensor {index} ({name}) has the type "
            f"{_TYPE_NAMES.get(tensor.Type(), tensor.Type())}, which is not supported; "
            "quantize the network to int8."
        )
    shape = tuple(int(tensor.Shape(i)) for i in range(tensor.ShapeLength()))
    if any(size < 1 for size in shape):
        raise ModelError(
            f"{source}: tensor {index} ({name}) has the shape {list(shape)}; "
            "dynamic and empty shapes are not supported, export the model with fixed sizes."
        )
    what = f"tensor {index} ({name})"
    value = Value(shape, dtype, _quantization(tensor.Quantization(), shape))
    return Tensor(index, name, value, _constant(model, data, tensor, dtype, shape, what))


def _operator(model: Any, operator: Any, index: int, source: str) -> Operator:
    code = model.OperatorCodes(operator.OpcodeIndex())
    # Old files have only the 8-bit code; new ones repeat it there as far as it fits.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _OPERATOR_NAMES.get(number, f"operator {number}")
    if name == "CUSTOM":
        custom = printable((code.CustomCode() or b"").decode("utf-8", "replace"))
        raise ModelError(
            f"{source}: operator {index} is the custom operator {custom}, which is not supported; "
            "export the model with built-in operators only."
        )
    if name not in OPERATORS:
        raise ModelError(
            f"{source}: operator {index} ({name}) is not supported; docs/supported_operators.md "
            "lists the operators that are."
        )
    attributes: dict[str, Any] = {}
    if name in OPTIONS and operator.BuiltinOptions() is not None:
        kind, reader = OPTIONS[name]
        options = kind()
        table = operator.BuiltinOptions()
        options.Init(table.Bytes, table.Pos)
        attributes = reader(options)
    return Operator(
        index,
        name,
        tuple(int(operator.Inputs(i)) for i in range(operator.InputsLength())),
        tuple(int(operator.Outputs(i)) for i in range(operator.OutputsLength())),
        attributes,
    )


def _graph(data: bytes, source: str) -> Graph:
    model = tflite.Model.GetRootAsModel(data, 0)
    if model.SubgraphsLength() != 1:
        raise ModelError(
            f"{source}: has {model.SubgraphsLength()} subgraphs; only one is supported "
            "(no control flow)."
        )
    subgraph = model.Subgraphs(0)
    count = subgraph.TensorsLength()
    tensors = {i: _tensor(model, data, subgraph, i, source) for i in range(count)}
    operators = [
        _operator(model, subgraph.Operators(i), i, source)
        for i in range(subgraph.OperatorsLength())
    ]
    inputs = tuple(int(subgraph.Inputs(i)) for i in range(subgraph.InputsLength()))
    outputs = tuple(int(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength()))
    named = [*inputs, *outputs]
    for operator in operators:
        named += [i for i in operator.inputs if i >= 0] + list(operator.outputs)
    for what, there in (("operators", operators), ("outputs", outputs)):
        if not there:
            raise ModelError(
                f"{source}: has no {what}, so there is nothing to run; export the model again."
            )
    if any(not 0 <= index < count for index in named):
        raise ValueError("it names tensors that it does not have")
    return Graph(source, tensors, operators, inputs, outputs, hashlib.sha256(data).hexdigest())
