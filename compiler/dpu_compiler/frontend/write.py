# SPDX-License-Identifier: Apache-2.0
"""Write .tflite models: generated networks, and those of tests.

A model is built tensor by tensor and operator by operator::

    writer = GraphWriter()
    x = writer.tensor((1, 8, 8, 3), "int8", Quantization((0.5,), (-3,)), name="x")
    w = writer.constant(weights, Quantization(scales, (0,) * 4, axis=0))      # OHWI
    b = writer.constant(bias, Quantization(bias_scales, (0,) * 4))
    y = writer.tensor((1, 8, 8, 4), "int8", Quantization((0.25,), (7,)))
    writer.operator("CONV_2D", [x, w, b], [y], {"padding": "SAME", "stride": (1, 1)})
    model = writer.finish([x], [y])

``tensor`` and ``constant`` return the tensor's index in the file. Operators are named as in the
TFLite schema; an absent optional input is ``None``. Attribute keys are those of
``dpu_golden.evaluate``; what is left out gets the golden model's default. ``writer.evaluate`` runs
the graph in the golden model; ``writer.values``, ``constants`` and ``operators`` describe it.

Shapes are taken as given: the writer checks nothing, so that tests can also write broken models.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import tflite

from dpu_compiler.frontend.write_options import TYPES, integers, write_options
from dpu_golden import Quantization, Value, evaluate

Array = npt.NDArray[Any]


class GraphWriter:
    """Collects tensors and operators of one graph and writes them as .tflite bytes."""

    def __init__(self, description: str = "test graph") -> None:
        self.description = description
        self.values: list[Value] = []
        self.names: list[str] = []
        self.constants: dict[int, Array] = {}
        self.operators: list[
            tuple[str, tuple[int | None, ...], tuple[int, ...], dict[str, Any]]
        ] = []

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        quantization: Quantization | None = None,
        name: str | None = None,
        data: Array | None = None,
    ) -> int:
        """Add a tensor and return its index; with ``data`` it is a constant."""
        index = len(self.values)
        self.values.append(Value(tuple(int(size) for size in shape), dtype, quantization))
        self.names.append(f"tensor_{index}" if name is None else name)
        if data is not None:
            self.constants[index] = np.ascontiguousarray(data).reshape(self.values[index].shape)
        return index

    def constant(
        self, data: Array, quantization: Quantization | None = None, name: str | None = None
    ) -> int:
        """Add a constant tensor with the array's shape and type and return its index."""
        data = np.asarray(data)
        return self.tensor(data.shape, data.dtype.name, quantization, name, data)

    def operator(
        self,
        name: str,
        inputs: Sequence[int | None],
        outputs: Sequence[int],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Append an operator, in execution order."""
        if not hasattr(tflite.BuiltinOperator, name):
            raise ValueError(f"The TFLite schema has no operator named {name}.")
        self.operators.append((name, tuple(inputs), tuple(outputs), dict(attributes or {})))

    def evaluate(self, feeds: Mapping[int, Array]) -> dict[int, Array]:
        """What the golden model makes of every tensor, given the graph inputs by index."""
        tensors = {**self.constants, **feeds}
        for name, inputs, outputs, attributes in self.operators:
            results = evaluate(
                name,
                [None if index is None else tensors[index] for index in inputs],
                [None if index is None else self.values[index] for index in inputs],
                [self.values[index] for index in outputs],
                attributes,
            )
            tensors.update(zip(outputs, results, strict=True))
        return tensors

    def finish(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """The model as .tflite bytes, with these graph inputs and outputs."""
        builder = flatbuffers.Builder(1024)
        # Buffer 0 is the schema's empty buffer: tensors without data refer to it.
        buffers = [_buffer(builder, None)]
        buffer_of = {}
        for index, data in self.constants.items():
            buffer_of[index] = len(buffers)
            buffers.append(_buffer(builder, data.tobytes()))
        tensors = [
            _tensor(builder, value, name, buffer_of.get(index, 0))
            for index, (value, name) in enumerate(zip(self.values, self.names, strict=True))
        ]
        codes = list(dict.fromkeys(name for name, *_ in self.operators))
        operators = [
            _operator(builder, codes.index(name), name, ins, outs, attributes)
            for name, ins, outs, attributes in self.operators
        ]

        tensor_vector = _offsets(builder, tensors)
        input_vector = integers(builder, inputs)
        output_vector = integers(builder, outputs)
        operator_vector = _offsets(builder, operators)
        graph_name = builder.CreateString("main")
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensor_vector)
        tflite.SubGraphAddInputs(builder, input_vector)
        tflite.SubGraphAddOutputs(builder, output_vector)
        tflite.SubGraphAddOperators(builder, operator_vector)
        tflite.SubGraphAddName(builder, graph_name)
        subgraph = tflite.SubGraphEnd(builder)

        code_vector = _offsets(builder, [_operator_code(builder, name) for name in codes])
        subgraph_vector = _offsets(builder, [subgraph])
        description = builder.CreateString(self.description)
        buffer_vector = _offsets(builder, buffers)
        tflite.ModelStart(builder)
        tflite.ModelAddVersion(builder, 3)
        tflite.ModelAddOperatorCodes(builder, code_vector)
        tflite.ModelAddSubgraphs(builder, subgraph_vector)
        tflite.ModelAddDescription(builder, description)
        tflite.ModelAddBuffers(builder, buffer_vector)
        builder.Finish(tflite.ModelEnd(builder), b"TFL3")
        return bytes(builder.Output())


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _buffer(builder: Any, data: bytes | None) -> int:
    vector = None
    if data is not None:
        # The schema aligns tensor data to 16 bytes; runtimes read it in place.
        builder.StartVector(1, len(data), 16)
        builder.head -= len(data)
        builder.Bytes[builder.head : builder.head + len(data)] = data
        vector = builder.EndVector()
    tflite.BufferStart(builder)
    if vector is not None:
        tflite.BufferAddData(builder, vector)
    return int(tflite.BufferEnd(builder))


def _tensor(builder: Any, value: Value, name: str, buffer: int) -> int:
    shape = integers(builder, value.shape)
    text = builder.CreateString(name)
    quantization = None
    if value.quantization is not None:
        count = len(value.quantization.scale)
        zero_point = value.quantization.zero_point
        zero_point = zero_point if len(zero_point) == count else zero_point * count
        scales = builder.CreateNumpyVector(np.array(value.quantization.scale, np.float32))
        zero_points = builder.CreateNumpyVector(np.array(zero_point, np.int64))
        tflite.QuantizationParametersStart(builder)
        tflite.QuantizationParametersAddScale(builder, scales)
        tflite.QuantizationParametersAddZeroPoint(builder, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(builder, value.quantization.axis)
        quantization = tflite.QuantizationParametersEnd(builder)
    tflite.TensorStart(builder)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, TYPES[value.dtype])
    tflite.TensorAddBuffer(builder, buffer)
    tflite.TensorAddName(builder, text)
    if quantization is not None:
        tflite.TensorAddQuantization(builder, quantization)
    tflite.TensorAddHasRank(builder, True)
    return int(tflite.TensorEnd(builder))


def _operator_code(builder: Any, name: str) -> int:
    code = getattr(tflite.BuiltinOperator, name)
    tflite.OperatorCodeStart(builder)
    # Readers take the larger of the two fields; the old one is a byte.
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(code, 127))
    tflite.OperatorCodeAddBuiltinCode(builder, code)
    tflite.OperatorCodeAddVersion(builder, 1)
    return int(tflite.OperatorCodeEnd(builder))


def _operator(
    builder: Any,
    opcode: int,
    name: str,
    inputs: Sequence[int | None],
    outputs: Sequence[int],
    attributes: Mapping[str, Any],
) -> int:
    options = write_options(builder, name, attributes)
    input_vector = integers(builder, inputs)
    output_vector = integers(builder, outputs)
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, opcode)
    tflite.OperatorAddInputs(builder, input_vector)
    tflite.OperatorAddOutputs(builder, output_vector)
    if options is not None:
        table, offset = options
        tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, table))
        tflite.OperatorAddBuiltinOptions(builder, offset)
    return int(tflite.OperatorEnd(builder))
