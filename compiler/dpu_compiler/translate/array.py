# SPDX-License-Identifier: Apache-2.0
"""Convolutions and fully connected layers: to the array; depthwise ones: to their own PE."""

from __future__ import annotations

import numpy as np

from dpu_compiler.featuremap import Layout
from dpu_compiler.graph import Graph, Operator
from dpu_compiler.layer import Window
from dpu_compiler.layers.blocked_convolution import BlockedConvolution
from dpu_compiler.layers.convolution import Scaling
from dpu_compiler.layers.depthwise import DepthwiseConvolution
from dpu_compiler.layers.patch_convolution import PatchConvolution, cut_patch, patch_fits
from dpu_compiler.partition import comes_from_dram
from dpu_compiler.passes.pad import explicit_padding
from dpu_compiler.rules.weights import effective_stride
from dpu_compiler.translate.step import StepBuilder
from dpu_golden import activation_range, conv_multipliers
from dpu_spec.configuration import Configuration


def _scaling(graph: Graph, operator: Operator, channels: int) -> Scaling:
    source, weights = (graph.tensors[i].value for i in operator.inputs[:2])
    result = graph.tensors[operator.outputs[0]]
    multiplier, shift = conv_multipliers(source, weights, result.value, channels)
    bias = np.zeros(channels, np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        data = graph.tensors[operator.inputs[2]].data
        assert data is not None
        bias = data.reshape(-1).astype(np.int64)
    minimum, maximum = activation_range(
        operator.attributes.get("activation", "NONE"), result.quantization
    )
    return Scaling(bias, multiplier, shift, result.quantization.zero_point0, minimum, maximum)


def _window(graph: Graph, operator: Operator) -> Window:
    shape = graph.tensors[operator.inputs[1]].shape
    padding = explicit_padding(graph, operator, (shape[1], shape[2]))
    return Window(
        kernel=(shape[1], shape[2]),
        stride=effective_stride(graph, operator),
        dilation=tuple(operator.attributes.get("dilation", (1, 1))),
        before=(padding[0][0], padding[1][0]),
    )


def _weights(graph: Graph, operator: Operator) -> np.ndarray:
    data = graph.tensors[operator.inputs[1]].data
    assert data is not None
    return data


def patch_passes(graph: Graph, operator: Operator, lanes: int, planar: bool) -> int | None:
    """Return the passes of a convolution over plain bytes, or None where it cannot be done."""
    channels = graph.tensors[operator.inputs[0]].shape[3]
    window = _window(graph, operator)
    width = graph.tensors[operator.inputs[0]].shape[2]
    if not patch_fits(channels, planar, width, window):
        return None
    # A step of more bytes than a word takes several cycles a pixel.
    step = window.stride[1] * (1 if planar else channels)
    return len(cut_patch(window.kernel, channels, planar, lanes)) * -(-step // lanes)


def prefers_patch(graph: Graph, operator: Operator, configuration: Configuration) -> bool:
    """Tell whether a convolution is faster over plain bytes than over channel blocks."""
    if operator.name != "CONV_2D" or not configuration.patch_reader:
        return False
    lanes = configuration.lanes
    passes = patch_passes(graph, operator, lanes, planar=False)
    kernel = _window(graph, operator).kernel
    blocks = -(-graph.tensors[operator.inputs[0]].shape[3] // lanes)
    return passes is not None and passes < blocks * kernel[0] * kernel[1]


def conv_2d(step: StepBuilder, operator: Operator) -> None:
    """CONV_2D: from plain bytes where that saves passes and they are there, else from blocks."""
    graph = step.graph
    source = operator.inputs[0]
    weights = _weights(graph, operator)
    window = _window(graph, operator)
    scaling = _scaling(graph, operator, len(weights))
    if source in step.planar:
        height, width, channels = step.hwc(source)
        planes = step.require(
            step.planar[source], operator.index, Layout.PLANAR, (height, width, channels)
        )
        output = step.new_map(operator.outputs[0])
        step.layers.append(
            PatchConvolution(operator.index, planes, output, window, weights, scaling)
        )
        return
    plain = step.in_dram(source) or any(m.layout is Layout.PLAIN for m in step.maps(source))
    if plain and prefers_patch(graph, operator, step.configuration):
        data = step.require(source, operator.index, Layout.PLAIN)
        output = step.new_map(operator.outputs[0])
        step.layers.append(PatchConvolution(operator.index, data, output, window, weights, scaling))
        return
    blocked = step.require(source, operator.index)
    output = step.new_map(operator.outputs[0])
    step.layers.append(
        BlockedConvolution(operator.index, blocked, output, window, weights, scaling)
    )


def fully_connected(step: StepBuilder, operator: Operator) -> None:
    """FULLY_CONNECTED: a convolution with the whole map as kernel, or a pointwise one over rows."""
    graph = step.graph
    source = graph.tensors[operator.inputs[0]]
    weights = _weights(graph, operator)
    count, depth = weights.shape
    scaling = _scaling(graph, operator, count)
    if source.size == depth:
        maps = [m for m in step.maps(source.index) if m.layout is Layout.BLOCKED]
        data = maps[0] if maps else step.require(source.index, operator.index, hwc=(1, 1, depth))
        kernel = (data.height, data.width)
        filters = weights.reshape(count, *kernel, data.channels)
        output = step.new_map(operator.outputs[0], hwc=(1, 1, count))
    else:
        data = step.require(source.index, operator.index)
        kernel = (1, 1)
        filters = weights.reshape(count, 1, 1, depth)
        output = step.new_map(operator.outputs[0], hwc=(data.height, data.width, count))
    step.layers.append(
        BlockedConvolution(operator.index, data, output, Window(kernel), filters, scaling)
    )


def array_is_faster(graph: Graph, operator: Operator, configuration: Configuration) -> bool:
    """Tell whether a depthwise convolution of one channel is better done by the array.

    It is an ordinary convolution, then. The depthwise PE needs the input as one word a pixel, which
    takes the load engine a cycle each, and repeats its window for each block and piece of the
    kernel.
    """
    lanes = configuration.lanes
    _, height, width, channels = graph.tensors[operator.inputs[0]].shape
    window = _window(graph, operator)
    if channels != 1 or not comes_from_dram(graph, operator.inputs[0]):
        return False
    # Without a patch reader a pixel of one channel takes a whole word there, too.
    if not configuration.patch_reader or not patch_fits(1, False, width, window):
        return False
    _, rows, columns, outputs = graph.tensors[operator.outputs[0]].shape
    passes = len(cut_patch(window.kernel, 1, False, lanes))
    array = rows * columns * passes * -(-outputs // configuration.columns)
    pieces = -(-window.kernel[0] // 3) * -(-window.kernel[1] // 3)
    row = (columns - 1) * min(window.stride[1], 3) + 3
    return array < max(height * width, rows * row * pieces * -(-outputs // lanes))


def depthwise_conv_2d(step: StepBuilder, operator: Operator) -> None:
    """DEPTHWISE_CONV_2D: to its own PE, but for some of a single channel."""
    graph = step.graph
    weights = _weights(graph, operator)[0]
    if array_is_faster(graph, operator, step.configuration):
        data = step.require(operator.inputs[0], operator.index, Layout.PLAIN)
        output = step.new_map(operator.outputs[0])
        filters = np.ascontiguousarray(weights.transpose(2, 0, 1)[:, :, :, None])
        step.layers.append(
            PatchConvolution(
                operator.index,
                data,
                output,
                _window(graph, operator),
                filters,
                _scaling(graph, operator, len(filters)),
            )
        )
        return
    source = step.require(operator.inputs[0], operator.index)
    output = step.new_map(operator.outputs[0])
    multiplier = output.channels // source.channels
    step.layers.append(
        DepthwiseConvolution(
            operator.index,
            source,
            output,
            _window(graph, operator),
            weights,
            multiplier,
            _scaling(graph, operator, output.channels),
        )
    )
