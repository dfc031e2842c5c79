# SPDX-License-Identifier: Apache-2.0
"""Which operators run on the DPU, and why the others don't.

Each rule is a function whose docstring is both the message for the user and the line of
``docs/supported_operators.md``. A rule returns None where it holds, or what the operator has
instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from dpu_compiler.featuremap import shape_hwc
from dpu_compiler.graph import Graph, Operator
from dpu_compiler.passes.pad import explicit_padding
from dpu_golden import (
    UNARY_OPERATORS,
    UnsupportedOperator,
    add_parameters,
    mean_parameters,
    quantize_multiplier,
)

Rule = Callable[[Graph, Operator], str | None]

#: Largest height and width of a map: the borders of instructions are 12-bit numbers.
SIZE_LIMIT = 2047
#: Largest number of channels.
CHANNEL_LIMIT = 8192
#: Largest exponent of a scale in instructions and parameter blocks.
SHIFT_LIMIT = 1


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


def rule_mean_factor(graph: Graph, operator: Operator) -> str | None:
    """The output's scale is more than half the input's, divided by the number of elements."""
    source, result = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    count = source.size // result.size
    shift = mean_parameters(source.quantization, result.quantization, count)[1]
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


def rule_pool(graph: Graph, operator: Operator) -> str | None:
    """Windows are up to 255 by 255 with strides up to 15."""
    window, stride = operator.attributes["filter"], effective_stride(graph, operator)
    if max(window) > 255 or max(stride) > 15:
        return f"window {window}, stride {stride}"
    return None


def rule_same_quantization(graph: Graph, operator: Operator) -> str | None:
    """Input and output have the same quantization."""
    result = graph.tensors[operator.outputs[0]].value.quantization
    for index in operator.inputs:
        tensor = graph.tensors[index] if index >= 0 else None
        if tensor is not None and tensor.data is None and tensor.value.quantization != result:
            return f"tensor {tensor.name} differs from the output"
    return None


def rule_spatial_mean(graph: Graph, operator: Operator) -> str | None:
    """The mean is taken over height and width of a map of up to 255 by 255."""
    shape = graph.tensors[operator.inputs[0]].shape
    axes = graph.tensors[operator.inputs[1]].data
    if axes is None or len(shape) != 4:
        return f"input {list(shape)}"
    found = sorted(int(a) % 4 for a in np.asarray(axes).reshape(-1))
    if found != [1, 2] or max(shape[1], shape[2]) > 255:
        return f"axes {found} of {list(shape)}"
    return None


def _constant_operand(graph: Graph, operator: Operator) -> int | None:
    for position, index in enumerate(operator.inputs):
        if graph.tensors[index].data is not None:
            return position
    return None


def rule_broadcast(graph: Graph, operator: Operator) -> str | None:
    """The operands have one shape, or one has only channels ([1, 1, 1, c]), or is one constant."""
    shapes = [graph.tensors[i].shape for i in operator.inputs]
    constant = _constant_operand(graph, operator)
    if constant is not None and graph.tensors[operator.inputs[constant]].size == 1:
        return None
    result = shape_hwc(graph.tensors[operator.outputs[0]].shape)
    sizes = []
    for shape in shapes:
        padded = (1,) * (len(graph.tensors[operator.outputs[0]].shape) - len(shape)) + shape
        sizes.append(shape_hwc(padded))
    whole = [size for size in sizes if size == result]
    rest = [size for size in sizes if size != result]
    if result is None or not whole:
        return f"{[list(s) for s in shapes]}"
    if any(size is None or size != (1, 1, result[2]) for size in rest):
        return f"{[list(s) for s in shapes]}"
    return None


def rule_sum_scales(graph: Graph, operator: Operator) -> str | None:
    """The scales are such that the reference runtime can add."""
    a, b, y = (graph.tensors[i].quantization for i in (*operator.inputs, operator.outputs[0]))
    try:
        add_parameters(a, b, y, operator.name)
    except UnsupportedOperator as error:
        return str(error)
    return None


def rule_product_factor(graph: Graph, operator: Operator) -> str | None:
    """The output's scale is over half the product of the inputs' scales, or one is a number."""
    constant = _constant_operand(graph, operator)
    if constant is not None and graph.tensors[operator.inputs[constant]].size == 1:
        return None
    return rule_factors(graph, operator)


def rule_concatenation(graph: Graph, operator: Operator) -> str | None:
    """No input is a constant, and there is no fused activation."""
    if operator.attributes.get("activation", "NONE") != "NONE":
        return str(operator.attributes["activation"])
    constant = _constant_operand(graph, operator)
    return None if constant is None else f"input {constant} is a constant"


def rule_planar_transpose(graph: Graph, operator: Operator) -> str | None:
    """It turns NCHW into NHWC at the network's input, for convolutions with few channels."""
    permutation = graph.tensors[operator.inputs[1]].data
    if permutation is None or list(np.asarray(permutation).reshape(-1)) != [0, 2, 3, 1]:
        return "another permutation"
    if operator.inputs[0] not in graph.inputs:
        return "its input is computed"
    readers = graph.consumers(operator.outputs[0])
    result = graph.tensors[operator.outputs[0]]
    if operator.outputs[0] in graph.outputs or not readers or result.shape[3] > 16:
        return "its output has other uses"
    for op in readers:
        if op.name != "CONV_2D" or decide(graph, op).engine != "conv":
            return "its output has other uses"
        if max(op.attributes["dilation"]) > 1 or graph.tensors[op.inputs[1]].shape[1] > 128:
            return "its reader's kernel is too large"
    if result.shape[2] >= 1 << 14:
        return f"rows of {result.shape[2]} pixels"
    return None


def rule_spatial_padding(graph: Graph, operator: Operator) -> str | None:
    """The paddings are constants, up to 2048 before, of height and width alone."""
    widths = graph.tensors[operator.inputs[1]].data
    if widths is None:
        return "computed paddings"
    rows = np.asarray(widths).reshape(-1, 2)
    if len(rows) != 4 or rows[0].any() or rows[3].any() or rows[1:3, 0].max() > 2048:
        return f"{rows.tolist()}"
    fill = operator.inputs[2] if len(operator.inputs) > 2 else -1
    if fill >= 0 and graph.tensors[fill].data is None:
        return "a computed value"
    return None


def rule_spatial_slice(graph: Graph, operator: Operator) -> str | None:
    """Begin, end and strides are constants, strides 1 to 15 (channels: 1); no axis is removed."""
    for index in operator.inputs[1:4]:
        if graph.tensors[index].data is None:
            return "computed bounds"
    steps = np.asarray(graph.tensors[operator.inputs[3]].data).reshape(-1)
    shape = graph.tensors[operator.inputs[0]].shape
    if len(steps) != 4 or len(shape) != 4 or steps.min() < 1 or steps.max() > 15 or steps[3] != 1:
        return f"strides {steps.tolist()} of {list(shape)}"
    for mask in ("shrink_axis_mask", "new_axis_mask", "ellipsis_mask"):
        if operator.attributes.get(mask, 0):
            return mask
    return None


def rule_whole_resize(graph: Graph, operator: Operator) -> str | None:
    """The output's height and width are 1 to 15 times the input's, without aligned corners."""
    source = graph.tensors[operator.inputs[0]].shape
    result = graph.tensors[operator.outputs[0]].shape
    if operator.attributes.get("align_corners"):
        return "aligned corners"
    for axis in (1, 2):
        factor, rest = divmod(result[axis], source[axis])
        if rest or factor > 15:
            return f"{list(source)} to {list(result)}"
    return None


@dataclasses.dataclass(frozen=True)
class Support:
    """Where an operator runs if its rules hold, and the rules."""

    engine: str
    rules: tuple[Rule, ...]


_ANY = (rule_int8, rule_shape)
_WEIGHTS = (rule_constant_weights, rule_int8_weights, rule_factors)
_WINDOW = (*_WEIGHTS, rule_window, rule_reach)

SUPPORT: dict[str, Support] = {
    "CONV_2D": Support("conv", (*_ANY, rule_rank_4, *_WINDOW, rule_not_grouped)),
    "DEPTHWISE_CONV_2D": Support("depthwise", (*_ANY, rule_rank_4, *_WINDOW)),
    "FULLY_CONNECTED": Support("conv", (*_ANY, *_WEIGHTS, rule_examples)),
    "ADD": Support("vector", (*_ANY, rule_broadcast, rule_sum_scales)),
    "SUB": Support("vector", (*_ANY, rule_broadcast, rule_sum_scales)),
    "MUL": Support("vector", (*_ANY, rule_broadcast, rule_product_factor)),
    "AVERAGE_POOL_2D": Support("vector", (*_ANY, rule_rank_4, rule_pool, rule_same_quantization)),
    "MAX_POOL_2D": Support("vector", (*_ANY, rule_rank_4, rule_pool, rule_same_quantization)),
    "MEAN": Support("vector", (*_ANY, rule_spatial_mean, rule_mean_factor)),
    "PAD": Support("vector", (*_ANY, rule_rank_4, rule_spatial_padding, rule_same_quantization)),
    "PADV2": Support("vector", (*_ANY, rule_rank_4, rule_spatial_padding, rule_same_quantization)),
    "CONCATENATION": Support("vector", (*_ANY, rule_concatenation, rule_same_quantization)),
    "RESHAPE": Support("none", (*_ANY, rule_same_quantization)),
    "SQUEEZE": Support("none", (*_ANY, rule_same_quantization)),
    "EXPAND_DIMS": Support("none", (*_ANY, rule_same_quantization)),
    "TRANSPOSE": Support("load", (*_ANY, rule_planar_transpose, rule_same_quantization)),
    "STRIDED_SLICE": Support("vector", (*_ANY, rule_spatial_slice, rule_same_quantization)),
    "RESIZE_NEAREST_NEIGHBOR": Support(
        "vector", (*_ANY, rule_rank_4, rule_whole_resize, rule_same_quantization)
    ),
    **{name: Support("vector", _ANY) for name in UNARY_OPERATORS},
}

#: Operators that only the host computes.
HOST_ONLY = {
    "SOFTMAX": "its exponentials need more than 8 bits; it is short work at a network's end",
    "DEQUANTIZE": "its output is floating point",
}


@dataclasses.dataclass(frozen=True)
class Decision:
    """Where an operator runs; ``reason`` says why it is the host."""

    engine: str
    reason: str = ""


def rule_sentence(rule: Rule) -> str:
    """Return the sentence that a rule states."""
    return (rule.__doc__ or "").strip()


def decide(graph: Graph, operator: Operator) -> Decision:
    """Decide where an operator runs."""
    support = SUPPORT.get(operator.name)
    if support is None:
        reason = HOST_ONLY.get(operator.name, "no engine computes it")
        return Decision("host", f"{operator.name}: {reason}.")
    for rule in support.rules:
        found = rule(graph, operator)
        if found is not None:
            return Decision("host", f"{rule_sentence(rule)} Here: {found}.")
    return Decision(support.engine)
