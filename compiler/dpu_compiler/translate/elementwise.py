# SPDX-License-Identifier: Apache-2.0
"""Sums, products and functions of one number: to the vector unit."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.featuremap import FeatureMap, Layout
from dpu_compiler.graph import Array, Graph, Operator
from dpu_compiler.layers.vector import Function, VectorLayer
from dpu_compiler.translate.array import prefers_patch
from dpu_compiler.translate.step import StepBuilder
from dpu_golden import (
    UNARY_OPERATORS,
    Quantization,
    Value,
    activation_range,
    add_parameters,
    evaluate,
    mul_parameters,
    multiply_by_quantized_multiplier,
    table,
)
from dpu_spec.configuration import Configuration
from dpu_spec.isa import ADD, MULTIPLY, TABLE


def single_input(graph: Graph, operator: Operator) -> int | None:
    """Return the input of an operator that is a function of one number, or None.

    These are the functions proper, and sums and products with one constant number.
    """
    if operator.name in UNARY_OPERATORS:
        return operator.inputs[0]
    if operator.name in ("ADD", "SUB", "MUL"):
        for mine, other in (operator.inputs, operator.inputs[::-1]):
            constant = graph.tensors[other]
            if constant.data is not None and constant.size == 1:
                return mine
    return None


def _function_table(graph: Graph, operator: Operator) -> Array:
    """Return the map of a function of one number, indexed by the input plus 128."""
    source = single_input(graph, operator)
    assert source is not None
    result = graph.tensors[operator.outputs[0]].value
    if operator.name in UNARY_OPERATORS:
        return table(operator.name, graph.tensors[source].value, result, operator.attributes)
    every = np.arange(-128, 128, dtype=np.int8)
    values, arrays = [], []
    for index in operator.inputs:
        tensor = graph.tensors[index]
        if index == source and tensor.data is None:
            values.append(dataclasses.replace(tensor.value, shape=(256,)))
            arrays.append(every)
        else:
            assert tensor.data is not None
            values.append(dataclasses.replace(tensor.value, shape=(1,)))
            arrays.append(tensor.data.reshape(1))
    output = Value((256,), result.dtype, result.quantization)
    return evaluate(operator.name, arrays, values, [output], operator.attributes)[0]


def prefers_plain(graph: Graph, tensor: int, configuration: Configuration) -> bool:
    """Tell whether all readers of a tensor would rather have it as plain bytes."""
    readers = graph.consumers(tensor)
    return bool(readers) and all(
        prefers_patch(graph, op, configuration)
        if op.name == "CONV_2D"
        else single_input(graph, op) == tensor
        and prefers_plain(graph, op.outputs[0], configuration)
        for op in readers
    )


def function(step: StepBuilder, operator: Operator) -> None:
    """Any function of one int8 number, through a table of 256 entries."""
    graph = step.graph
    source = single_input(graph, operator)
    assert source is not None
    result = operator.outputs[0]
    held_plain = step.in_dram(source) or any(m.layout is Layout.PLAIN for m in step.maps(source))
    plain = held_plain and prefers_plain(graph, result, step.configuration)
    layout = Layout.PLAIN if plain else Layout.BLOCKED
    data = step.require(source, operator.index, layout)
    output = step.new_map(result, layout)
    entries = _function_table(graph, operator).astype(np.int64)
    # The unit indexes by the raw byte.
    step.layers.append(
        VectorLayer(
            operator.index,
            data,
            output,
            Function(TABLE, {"minimum": -128, "maximum": 127}),
            tables=[np.roll(entries, 128)],
        )
    )


def _operands(step: StepBuilder, operator: Operator) -> tuple[list[FeatureMap], list[Quantization]]:
    """Return both operands' maps, one of the output's shape first, and their quantizations."""
    graph = step.graph
    whole = step.hwc(operator.outputs[0])
    maps = []
    for index in operator.inputs:
        tensor = graph.tensors[index]
        if tensor.data is not None:
            small = tensor.size == whole[2]
            maps.append(
                step.constant_map(index, operator.index, (1, 1, whole[2]) if small else whole)
            )
            continue
        small = tensor.size == whole[2] != whole[0] * whole[1] * whole[2]
        maps.append(step.require(index, operator.index, hwc=(1, 1, whole[2]) if small else whole))
    return maps, [graph.tensors[i].quantization for i in operator.inputs]


def _scaled(quantization: Quantization, left_shift: int, multiplier: int, shift: int) -> Array:
    """Return the table of an operand of a sum, indexed by the raw byte."""
    every = np.roll(np.arange(-128, 128, dtype=np.int64), 128)
    shifted = (every - quantization.zero_point0) << left_shift
    return multiply_by_quantized_multiplier(shifted, multiplier, shift)


def sum_or_difference(step: StepBuilder, operator: Operator) -> None:
    """ADD and SUB of two tensors: a table for each operand, then one requantization."""
    if single_input(step.graph, operator) is not None:
        function(step, operator)
        return
    result = step.graph.tensors[operator.outputs[0]].quantization
    maps, quantizations = _operands(step, operator)
    p = add_parameters(quantizations[0], quantizations[1], result, operator.name)
    tables = [
        _scaled(quantizations[0], p.left_shift, p.input1_multiplier, p.input1_shift),
        _scaled(quantizations[1], p.left_shift, p.input2_multiplier, p.input2_shift),
    ]
    if operator.name == "SUB":
        tables[1] = -tables[1]
    minimum, maximum = activation_range(operator.attributes.get("activation", "NONE"), result)
    values = {
        "multiplier": p.output_multiplier,
        "shift": p.output_shift,
        "out_zero_point": result.zero_point0,
        "minimum": minimum,
        "maximum": maximum,
    }
    if (maps[0].height, maps[0].width) != step.hwc(operator.outputs[0])[:2]:
        maps.reverse()
        tables.reverse()
    output = step.new_map(operator.outputs[0])
    step.layers.append(
        VectorLayer(
            operator.index,
            maps[0],
            output,
            Function(ADD, values),
            other=maps[1],
            tables=tables,
        )
    )


def product(step: StepBuilder, operator: Operator) -> None:
    """MUL of two tensors."""
    if single_input(step.graph, operator) is not None:
        function(step, operator)
        return
    result = step.graph.tensors[operator.outputs[0]].quantization
    maps, quantizations = _operands(step, operator)
    multiplier, shift = mul_parameters(quantizations[0], quantizations[1], result)
    zero_points = [q.zero_point0 for q in quantizations]
    if (maps[0].height, maps[0].width) != step.hwc(operator.outputs[0])[:2]:
        maps.reverse()
        zero_points.reverse()
    minimum, maximum = activation_range(operator.attributes.get("activation", "NONE"), result)
    values = {
        "bias": (zero_points[0] & 0xFF) | (zero_points[1] & 0xFF) << 8,
        "multiplier": multiplier,
        "shift": shift,
        "out_zero_point": result.zero_point0,
        "minimum": minimum,
        "maximum": maximum,
    }
    output = step.new_map(operator.outputs[0])
    step.layers.append(
        VectorLayer(operator.index, maps[0], output, Function(MULTIPLY, values), other=maps[1])
    )
