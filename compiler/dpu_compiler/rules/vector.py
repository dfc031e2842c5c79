# SPDX-License-Identifier: Apache-2.0
"""Rules about what the vector unit does, and about operators that move elements."""

from __future__ import annotations

import numpy as np

from dpu_compiler.featuremap import shape_hwc
from dpu_compiler.graph import Graph, Operator
from dpu_compiler.rules.weights import SHIFT_LIMIT, effective_stride, rule_factors
from dpu_golden import UnsupportedOperator, add_parameters, mean_parameters


def _constant_operand(graph: Graph, operator: Operator) -> int | None:
    for position, index in enumerate(operator.inputs):
        if graph.tensors[index].data is not None:
            return position
    return None


def rule_pool(graph: Graph, operator: Operator) -> str | None:
    """Windows are up to 255 by 255 with strides up to 15."""
    window, stride = operator.attributes["filter"], effective_stride(graph, operator)
    if max(window) > 255 or max(stride) > 15:
        return f"window {window}, stride {stride}"
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


def rule_mean_factor(graph: Graph, operator: Operator) -> str | None:
    """The output's scale is more than half the input's, divided by the number of elements."""
    source, result = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    count = source.size // result.size
    shift = mean_parameters(source.quantization, result.quantization, count)[1]
    return None if shift <= SHIFT_LIMIT else f"a factor of 2^{shift - 1} or more"


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
