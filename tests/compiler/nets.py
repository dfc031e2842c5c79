# SPDX-License-Identifier: Apache-2.0
"""Small networks for tests of the compiler's parts, made in a line or two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dpu_compiler.engines import choose_engines
from dpu_compiler.frontend.tflite import read_bytes
from dpu_compiler.graph import Graph, Operator
from dpu_compiler.partition import partition
from dpu_compiler.passes.fold import fold_constants
from dpu_compiler.passes.pad import fuse_padding
from dpu_compiler.translate import StepBuilder, translate
from dpu_compiler.translate.step import Memory
from dpu_golden import Quantization, same_padding
from dpu_spec.configuration import Configuration
from dpu_spec.isa import WINDOW_INPUT
from tests.support.tflite_writer import GraphWriter

Q = Quantization((0.5,), (3,))


class Net(GraphWriter):
    """A writer whose methods add an operator and return its output."""

    def __init__(self) -> None:
        super().__init__()
        self.rng = np.random.default_rng(0)
        self.inputs: list[int] = []

    def input(
        self, shape: Sequence[int], dtype: str = "int8", quantization: Quantization | None = Q
    ) -> int:
        """Add an input."""
        index = self.tensor(shape, dtype, quantization)
        self.inputs.append(index)
        return index

    def add_operator(
        self,
        name: str,
        inputs: Sequence[int | None],
        shape: Sequence[int],
        attributes: dict[str, Any] | None = None,
        *,
        quantization: Quantization | None = Q,
        dtype: str = "int8",
    ) -> int:
        """Add any operator with one output."""
        index = self.tensor(shape, dtype, quantization)
        self.operator(name, inputs, [index], attributes)
        return index

    def weights(self, shape: Sequence[int], axis: int, scale: float = 0.01) -> tuple[int, int]:
        """Add random weights and a bias for their axis."""
        data = self.rng.integers(-127, 128, shape).astype(np.int8)
        bias = self.rng.integers(-1000, 1000, shape[axis]).astype(np.int32)
        q = Quantization((scale,), (0,))
        return self.constant(data, q), self.constant(bias, Quantization((0.5 * scale,), (0,)))

    def numbers(self, *values: Any) -> int:
        """Add an int32 constant."""
        return self.constant(np.array(values, np.int32))

    def _window(self, x: int, kernel: tuple[int, int], attributes: dict[str, Any]) -> list[int]:
        shape = self.values[x].shape
        stride = attributes.setdefault("stride", (1, 1))
        dilation = attributes.get("dilation", (1, 1))
        padding = attributes.setdefault("padding", "SAME")
        return [
            same_padding(shape[1 + a], kernel[a], stride[a], dilation[a], padding)[2]
            for a in (0, 1)
        ]

    def conv(self, x: int, channels: int, kernel: tuple[int, int] = (3, 3), **options: Any) -> int:
        """Add CONV_2D."""
        out = self._window(x, kernel, options)
        w, b = self.weights((channels, *kernel, self.values[x].shape[3]), 0)
        return self.add_operator("CONV_2D", [x, w, b], (1, *out, channels), options)

    def depthwise(
        self, x: int, kernel: tuple[int, int] = (3, 3), multiplier: int = 1, **options: Any
    ) -> int:
        """Add DEPTHWISE_CONV_2D."""
        out = self._window(x, kernel, options)
        channels = self.values[x].shape[3] * multiplier
        w, b = self.weights((1, *kernel, channels), 3)
        options["depth_multiplier"] = multiplier
        return self.add_operator("DEPTHWISE_CONV_2D", [x, w, b], (1, *out, channels), options)

    def dense(self, x: int, count: int) -> int:
        """Add FULLY_CONNECTED over all elements."""
        size = int(np.prod(self.values[x].shape))
        w, b = self.weights((count, size), 0)
        return self.add_operator("FULLY_CONNECTED", [x, w, b], (1, count))

    def sum(self, a: int, b: int) -> int:
        """Add ADD."""
        return self.add_operator("ADD", [a, b], self.values[a].shape)

    def pool(self, x: int, filter: tuple[int, int], name: str = "AVERAGE_POOL_2D") -> int:
        """Add a pool without padding."""
        options: dict[str, Any] = {"padding": "VALID", "filter": filter}
        out = self._window(x, filter, options)
        return self.add_operator(name, [x], (1, *out, self.values[x].shape[3]), options)

    def pad(self, x: int, rows: tuple[int, int], columns: tuple[int, int]) -> int:
        """Add PAD of height and width."""
        shape = list(self.values[x].shape)
        shape[1] += sum(rows)
        shape[2] += sum(columns)
        widths = self.numbers((0, 0), rows, columns, (0, 0))
        return self.add_operator("PAD", [x, widths], shape)

    def reshape(self, x: int, shape: Sequence[int]) -> int:
        """Add RESHAPE."""
        return self.add_operator("RESHAPE", [x, self.numbers(*shape)], shape)

    def graph(self, *outputs: int) -> Graph:
        """The network as the compiler reads it; without outputs the last tensor is one."""
        return read_bytes(self.finish(self.inputs, outputs or [len(self.values) - 1]), source="net")

    def only(self) -> tuple[Graph, Operator]:
        """The graph and its last operator."""
        graph = self.graph(self.operators[-1][2][0])
        return graph, graph.operators[-1]


def build_step(graph: Graph, configuration: Configuration) -> StepBuilder:
    """The layers of a network that runs on the DPU as a whole, its outputs stored."""
    graph = fuse_padding(fold_constants(graph))
    decisions = choose_engines(graph, configuration)
    parts = partition(graph, decisions)
    assert [part.on_host for part in parts] == [False], decisions
    memory = Memory()
    for index in graph.inputs:
        memory.place(index, WINDOW_INPUT, graph.tensors[index].size)
    step = StepBuilder(graph, configuration, memory)
    for operator in parts[0].operators:
        translate(step, operator)
    for index in graph.outputs:
        step.require_dram(index, graph.operators[-1].index)
    return step
