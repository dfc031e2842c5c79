# SPDX-License-Identifier: Apache-2.0
"""Fuse PAD into the convolutions that read it: their borders are the zero point anyway."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.graph import Graph, Operator
from dpu_golden import same_padding


def _spatial_padding(graph: Graph, operator: Operator) -> tuple[tuple[int, int], ...] | None:
    """Return the rows and columns that a PAD adds, if that is all it does, with the zero point."""
    source, result = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    widths = graph.tensors[operator.inputs[1]].data
    if widths is None or len(source.shape) != 4 or source.value.dtype != "int8":
        return None
    if source.value.quantization != result.value.quantization:
        return None
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        fill = graph.tensors[operator.inputs[2]].data
        if fill is None or int(fill.reshape(-1)[0]) != source.quantization.zero_point0:
            return None
    rows = [(int(a), int(b)) for a, b in np.asarray(widths).reshape(-1, 2)]
    if rows[0] != (0, 0) or rows[3] != (0, 0):
        return None
    return rows[1], rows[2]


def explicit_padding(
    graph: Graph, operator: Operator, kernel: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the padding of a convolution or pool in numbers: ((top, bottom), (left, right))."""
    padding = operator.attributes["padding"]
    if not isinstance(padding, str):
        (top, bottom), (left, right) = padding
        return (top, bottom), (left, right)
    shape = graph.tensors[operator.inputs[0]].shape
    dilation = operator.attributes.get("dilation", (1, 1))
    stride = operator.attributes["stride"]
    rows = same_padding(shape[1], kernel[0], stride[0], dilation[0], padding)
    columns = same_padding(shape[2], kernel[1], stride[1], dilation[1], padding)
    return rows[:2], columns[:2]


def fuse_padding(graph: Graph) -> Graph:
    """Return the graph without the PADs that only convolutions read."""
    operators = list(graph.operators)
    for pad in [op for op in operators if op.name in ("PAD", "PADV2")]:
        added = _spatial_padding(graph, pad)
        result = pad.outputs[0]
        readers = [op for op in operators if result in op.inputs]
        if added is None or result in graph.outputs or not readers:
            continue
        if any(
            op.name not in ("CONV_2D", "DEPTHWISE_CONV_2D") or op.inputs[0] != result
            for op in readers
        ):
            continue
        for op in readers:
            weights = graph.tensors[op.inputs[1]].shape
            own = explicit_padding(graph, op, (weights[1], weights[2]))
            total = tuple((a[0] + b[0], a[1] + b[1]) for a, b in zip(added, own, strict=True))
            operators[operators.index(op)] = dataclasses.replace(
                op,
                inputs=(pad.inputs[0], *op.inputs[1:]),
                attributes={**op.attributes, "padding": total},
            )
        operators.remove(pad)
    return dataclasses.replace(graph, operators=operators)
