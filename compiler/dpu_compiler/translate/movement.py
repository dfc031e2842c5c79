# SPDX-License-Identifier: Apache-2.0
"""Operators that only move elements: other names, copies, or a way through DRAM."""

from __future__ import annotations

import numpy as np

from dpu_compiler.featuremap import DramTensor
from dpu_compiler.graph import Operator
from dpu_compiler.layer import Window
from dpu_compiler.layers.transfer import LoadLayer, StoreLayer
from dpu_compiler.layers.vector import Function, VectorLayer
from dpu_compiler.translate.step import StepBuilder
from dpu_spec.isa import MAXIMUM, WINDOW_ARENA, WINDOW_OUTPUT

_COPY = {"minimum": -128, "maximum": 127}


def reshape(step: StepBuilder, operator: Operator) -> None:
    """RESHAPE and its like: another name. Who needs another layout loads it from DRAM."""
    step.alias(operator.outputs[0], operator.inputs[0])


def planar_transpose(step: StepBuilder, operator: Operator) -> None:
    """TRANSPOSE from NCHW at the input: convolutions read the planes."""
    step.planar[operator.outputs[0]] = operator.inputs[0]


def pad(step: StepBuilder, operator: Operator) -> None:
    """PAD that no convolution takes in: a copy with a border."""
    graph = step.graph
    widths = graph.tensors[operator.inputs[1]].data
    assert widths is not None
    rows = np.asarray(widths).reshape(-1, 2)
    border = graph.tensors[operator.outputs[0]].quantization.zero_point0
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        fill = graph.tensors[operator.inputs[2]].data
        assert fill is not None
        border = int(fill.reshape(-1)[0])
    source = step.require(operator.inputs[0], operator.index)
    output = step.new_map(operator.outputs[0])
    step.layers.append(
        VectorLayer(
            operator.index,
            source,
            output,
            Function(MAXIMUM, {**_COPY, "border": border}),
            window=Window(before=(int(rows[1][0]), int(rows[2][0]))),
        )
    )


def resize(step: StepBuilder, operator: Operator) -> None:
    """RESIZE_NEAREST_NEIGHBOR by whole factors."""
    source = step.require(operator.inputs[0], operator.index)
    output = step.new_map(operator.outputs[0])
    factors = (output.height // source.height, output.width // source.width)
    step.layers.append(
        VectorLayer(operator.index, source, output, Function(MAXIMUM, _COPY), repeat=factors)
    )


def strided_slice(step: StepBuilder, operator: Operator) -> None:
    """STRIDED_SLICE: a strided copy; channels are cut on the way through DRAM."""
    graph = step.graph
    shape = graph.tensors[operator.inputs[0]].shape
    begin, end, steps = (
        np.asarray(graph.tensors[i].data).reshape(-1).tolist() for i in operator.inputs[1:4]
    )
    first = []
    for axis in range(4):
        given = not operator.attributes.get("begin_mask", 0) >> axis & 1
        start = begin[axis] if given else 0
        first.append(min(max(start + shape[axis] if start < 0 else start, 0), shape[axis]))
    del end
    source = operator.inputs[0]
    output_hwc = step.hwc(operator.outputs[0])
    height, width, channels = step.hwc(source)
    if output_hwc[2] != channels:
        # Load only the wanted channels.
        dram = step.part(source, operator.index, first[3], (width * channels, channels))
        cut = step.new_map(operator.outputs[0], hwc=(height, width, output_hwc[2]))
        step.maps(operator.outputs[0]).remove(cut)
        step.layers.append(LoadLayer(operator.index, dram, cut))
        cut.tensor = -1
    else:
        cut = step.require(source, operator.index)
    output = step.new_map(operator.outputs[0])
    step.layers.append(
        VectorLayer(
            operator.index,
            cut,
            output,
            Function(MAXIMUM, _COPY),
            window=Window(
                stride=(
                    1 if output.height == 1 else int(steps[1]),
                    1 if output.width == 1 else int(steps[2]),
                ),
                before=(-int(first[1]), -int(first[2])),
            ),
        )
    )


def concatenation(step: StepBuilder, operator: Operator) -> None:
    """CONCATENATION: copies where channel blocks stay whole, else a way through DRAM."""
    graph = step.graph
    lanes = step.configuration.lanes
    result = operator.outputs[0]
    rank = len(graph.tensors[result].shape)
    axis = operator.attributes["axis"] % rank
    hwc = step.hwc(result)
    parts = [step.hwc(index) for index in operator.inputs]
    if axis == rank - 1 and all(part[2] % lanes == 0 for part in parts[:-1]):
        sources = [step.require(index, operator.index) for index in operator.inputs]
        output = step.new_map(result)
        block = 0
        for source in sources:
            step.layers.append(
                VectorLayer(
                    operator.index,
                    source,
                    output,
                    Function(MAXIMUM, _COPY),
                    block_offset=block,
                )
            )
            block += source.blocks
        return
    # As one run of bytes for each index of the axes before: the inputs' runs follow each other.
    shape = graph.tensors[result].shape
    inner = int(np.prod(shape[axis + 1 :], dtype=np.int64))
    outer = int(np.prod(shape[:axis], dtype=np.int64))
    run = shape[axis] * inner
    window = WINDOW_OUTPUT if result in graph.outputs else WINDOW_ARENA
    whole = step.memory.place(result, window, outer * run)
    offset = 0
    for index in operator.inputs:
        source_shape = graph.tensors[index].shape
        piece = source_shape[axis] * inner
        dram = DramTensor(result, window, whole.offset + offset, whole.size)
        offset += piece
        source = step.require(index, operator.index)
        if axis == rank - 1:
            dram.row_stride, dram.column_stride = source.width * hwc[2], hwc[2]
        elif outer > 1:  # Each of the source's rows is a piece of a run.
            dram.row_stride = run
        step.layers.append(StoreLayer(operator.index, source, dram))
