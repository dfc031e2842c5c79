# SPDX-License-Identifier: Apache-2.0
"""Multiply-accumulates of the unmodified network, border taps counted."""

from __future__ import annotations

import numpy as np

from dpu_compiler.graph import Graph, Operator


def count_macs(graph: Graph, operator: Operator) -> int:
    """Return the multiply-accumulates of an operator; 0 for all but convolutions and the like."""
    if operator.name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    output = graph.tensors[operator.outputs[0]]
    weights = graph.tensors[operator.inputs[1]].shape
    if operator.name == "DEPTHWISE_CONV_2D":
        return output.size * weights[1] * weights[2]
    return output.size * int(np.prod(weights[1:], dtype=np.int64))
