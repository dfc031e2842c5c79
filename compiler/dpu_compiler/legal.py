# SPDX-License-Identifier: Apache-2.0
"""Which operators run on the DPU, and why the others don't."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from dpu_compiler.graph import Graph, Operator
from dpu_compiler.rules.tensors import (
    rule_int8,
    rule_rank_4,
    rule_same_quantization,
    rule_shape,
)
from dpu_compiler.rules.vector import (
    rule_broadcast,
    rule_concatenation,
    rule_mean_factor,
    rule_pool,
    rule_product_factor,
    rule_spatial_mean,
    rule_spatial_padding,
    rule_spatial_slice,
    rule_sum_scales,
    rule_whole_resize,
)
from dpu_compiler.rules.weights import (
    rule_constant_weights,
    rule_examples,
    rule_factors,
    rule_int8_weights,
    rule_not_grouped,
    rule_reach,
    rule_window,
)
from dpu_golden import UNARY_OPERATORS

Rule = Callable[[Graph, Operator], str | None]


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
    """Where an operator runs; ``reason`` says why, where it isn't the engine of its kind."""

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
