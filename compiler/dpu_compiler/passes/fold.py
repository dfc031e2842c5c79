# SPDX-License-Identifier: Apache-2.0
"""Constant folding: operators whose inputs are all known become constants (shape arithmetic)."""

from __future__ import annotations

import dataclasses

import numpy as np

from dpu_compiler.graph import Graph


def fold_constants(graph: Graph) -> Graph:
    """Return the graph without operators that depend on constants alone."""
    tensors = dict(graph.tensors)
    operators = []
    for operator in graph.operators:
        known = dataclasses.replace(graph, tensors=tensors)
        if operator.name == "SHAPE":
            # A tensor's shape is known even where its elements are not.
            shape = tensors[operator.inputs[0]].shape
            index = operator.outputs[0]
            data = np.array(shape, tensors[index].value.dtype)
            tensors[index] = dataclasses.replace(tensors[index], data=data)
        elif operator.inputs and all(i < 0 or tensors[i].data is not None for i in operator.inputs):
            for index, array in zip(operator.outputs, known.evaluate(operator, {}), strict=True):
                tensors[index] = dataclasses.replace(tensors[index], data=array)
        else:
            operators.append(operator)
    return dataclasses.replace(graph, tensors=tensors, operators=operators)
