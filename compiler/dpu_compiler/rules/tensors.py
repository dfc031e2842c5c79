# SPDX-License-Identifier: Apache-2.0
"""Rules about the tensors of any operator."""

from __future__ import annotations

from dpu_compiler.featuremap import shape_hwc
from dpu_compiler.graph import Graph, Operator

#: Largest height and width of a map: the borders of instructions are 12-bit numbers.
SIZE_LIMIT = 2047
#: Largest number of channels.
CHANNEL_LIMIT = 8192


def _data_tensors(graph: Graph, operator: Operator) -> list[int]:
    """Inputs that are activations, and outputs."""
    inputs = [i for i in operator.inputs if i >= 0 and graph.tensors[i].data is None]
    return [*inputs, *operator.outputs]


def rule_int8(graph: Graph, operator: Operator) -> str | None:
    """Activations are int8, with one scale and zero point for the tensor."""
    for index in _data_tensors(graph, operator):
        value = graph.tensors[index].value
        if value.dtype != "int8":
            return f"tensor {graph.tensors[index].name} is {value.dtype}"
        if value.quantization is None or value.quantization.per_channel:
            return f"tensor {graph.tensors[index].name} has no scale, or one a channel"
    return None


def rule_shape(graph: Graph, operator: Operator) -> str | None:
    """Tensors have up to four axes, batch 1, height and width up to 2047, channels up to 8192."""
    for index in _data_tensors(graph, operator):
        hwc = shape_hwc(graph.tensors[index].shape)
        if hwc is None or max(hwc[:2]) > SIZE_LIMIT or hwc[2] > CHANNEL_LIMIT:
            shape = list(graph.tensors[index].shape)
            return f"tensor {graph.tensors[index].name} has the shape {shape}"
    return None


def rule_rank_4(graph: Graph, operator: Operator) -> str | None:
    """Activations have four axes (NHWC)."""
    for index in _data_tensors(graph, operator):
        if len(graph.tensors[index].shape) != 4:
            shape = list(graph.tensors[index].shape)
            return f"tensor {graph.tensors[index].name} has the shape {shape}"
    return None


def rule_same_quantization(graph: Graph, operator: Operator) -> str | None:
    """Input and output have the same quantization."""
    result = graph.tensors[operator.outputs[0]].value.quantization
    for index in operator.inputs:
        tensor = graph.tensors[index] if index >= 0 else None
        if tensor is not None and tensor.data is None and tensor.value.quantization != result:
            return f"tensor {tensor.name} differs from the output"
    return None
