# SPDX-License-Identifier: Apache-2.0
"""Rules about convolutions and fully connected layers."""

from __future__ import annotations

import numpy as np

from dpu_compiler.graph import Graph, Operator
from dpu_compiler.passes.pad import explicit_padding
from dpu_golden import quantize_multiplier

#: Largest exponent of a scale in instructions and parameter blocks.
SHIFT_LIMIT = 1


def rule_constant_weights(graph: Graph, operator: Operator) -> str | None:
    """Weights and bias are constants."""
    for index in operator.inputs[1:3]:
        if index >= 0 and graph.tensors[index].data is None:
            return f"tensor {graph.tensors[index].name} is computed"
    return None


def rule_int8_weights(graph: Graph, operator: Operator) -> str | None:
    """Weights are int8 with zero point 0, bias int32."""
    weights = graph.tensors[operator.inputs[1]].value
    if weights.dtype != "int8" or weights.quantization is None:
        return f"the weights are {weights.dtype}"
    if any(weights.quantization.zero_point):
        return "the weights have a zero point"
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        bias = graph.tensors[operator.inputs[2]].value.dtype
        if bias != "int32":
            return f"the bias is {bias}"
    return None


def effective_stride(graph: Graph, operator: Operator) -> tuple[int, int]:
    """Return the stride of a sliding window; along an axis with one output it does not matter."""
    shape = graph.tensors[operator.outputs[0]].shape
    stride = operator.attributes["stride"]
    return (1 if shape[1] == 1 else stride[0], 1 if shape[2] == 1 else stride[1])


def rule_window(graph: Graph, operator: Operator) -> str | None:
    """Strides are up to 15, dilations up to 63, padding up to 2048."""
    weights = graph.tensors[operator.inputs[1]].shape
    stride = effective_stride(graph, operator)
    dilation = operator.attributes.get("dilation", (1, 1))
    padding = explicit_padding(graph, operator, (weights[1], weights[2]))
    if max(stride) > 15 or max(dilation) > 63 or max(padding[0][0], padding[1][0]) > 2048:
        return f"stride {stride}, dilation {dilation}, padding {padding}"
    return None


def rule_reach(graph: Graph, operator: Operator) -> str | None:
    """Height plus the distance to the kernel's last rows, and width likewise, are up to 2048."""
    shape = graph.tensors[operator.inputs[0]].shape
    kernel = graph.tensors[operator.inputs[1]].shape[1:3]
    dilation = operator.attributes.get("dilation", (1, 1))
    # Kernel rows or columns of one instruction.
    step = 3 if operator.name == "DEPTHWISE_CONV_2D" else 127
    for size, taps, apart in zip(shape[1:3], kernel, dilation, strict=True):
        if size + (taps - 1) // step * step * apart > 2048:
            return f"kernel {list(kernel)}, dilation {list(dilation)}, input {list(shape)}"
    return None


def rule_factors(graph: Graph, operator: Operator) -> str | None:
    """The output's scale is more than half the product of the inputs' scales."""
    a, b, y = (
        graph.tensors[i].value.quantization for i in (*operator.inputs[:2], *operator.outputs)
    )
    if a is None or b is None or y is None:
        return "no scale"
    shift = max(quantize_multiplier(a.scale0 * scale / y.scale0)[1] for scale in b.scale)
    return None if shift <= SHIFT_LIMIT else f"a factor of 2^{shift - 1} or more"


def rule_not_grouped(graph: Graph, operator: Operator) -> str | None:
    """Each filter sees all input channels (no groups)."""
    source = graph.tensors[operator.inputs[0]].shape
    weights = graph.tensors[operator.inputs[1]].shape
    if source[3] != weights[3]:
        return f"{source[3]} input channels, {weights[3]} of each filter"
    return None


def rule_examples(graph: Graph, operator: Operator) -> str | None:
    """The input is one example, or its last axis is the reduction."""
    shape = graph.tensors[operator.inputs[0]].shape
    weights = graph.tensors[operator.inputs[1]].shape
    size = int(np.prod(shape, dtype=np.int64))
    if size != weights[1] and (len(shape) > 4 or shape[-1] != weights[1]):
        return f"input {list(shape)}, weights {list(weights)}"
    if operator.attributes.get("weights_format", 0):
        return "shuffled weights"
    return None
