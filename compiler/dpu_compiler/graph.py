# SPDX-License-Identifier: Apache-2.0
"""The network as a graph of operators, as a front end read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dpu_golden import Quantization, Value, evaluate

Array = npt.NDArray[Any]

#: Operators that only give the same elements another shape.
RENAMES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


@dataclasses.dataclass
class Tensor:
    """A tensor: its index in the model file, what it holds, and its bytes if it is constant."""

    index: int
    name: str
    value: Value
    data: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape as in the model."""
        return self.value.shape

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.value.shape, dtype=np.int64))

    @property
    def quantization(self) -> Quantization:
        """Quantization of a tensor that has one."""
        if self.value.quantization is None:
            raise ValueError(f"Tensor {self.name} has no quantization.")
        return self.value.quantization


@dataclasses.dataclass
class Operator:
    """An operator: its number in the model's order, inputs and outputs by tensor index.

    An absent optional input is -1.
    """

    index: int
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: dict[str, Any]


@dataclasses.dataclass
class Graph:
    """A network: operators in an order in which they can be executed.

    ``sha256`` is the hash of the file that it was read from, as it came from the front end.
    """

    name: str
    tensors: dict[int, Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    sha256: str = ""

    def consumers(self, tensor: int) -> list[Operator]:
        """Operators that read a tensor."""
        return [op for op in self.operators if tensor in op.inputs]

    def producer(self, tensor: int) -> Operator | None:
        """The operator that computes a tensor, if any does."""
        return next((op for op in self.operators if tensor in op.outputs), None)

    def evaluate(self, operator: Operator, arrays: Mapping[int, Array]) -> list[Array]:
        """Evaluate one operator in the golden model."""

        def array(index: int) -> Array | None:
            if index < 0:
                return None
            data = self.tensors[index].data
            return arrays[index] if data is None else data

        return evaluate(
            operator.name,
            [array(index) for index in operator.inputs],
            [self.tensors[i].value if i >= 0 else None for i in operator.inputs],
            [self.tensors[i].value for i in operator.outputs],
            operator.attributes,
        )

    def run(self, feeds: Mapping[int, Array]) -> dict[int, Array]:
        """Return every tensor that the network computes of these inputs, by the golden model."""
        arrays = dict(feeds)
        for operator in self.operators:
            for index, array in zip(operator.outputs, self.evaluate(operator, arrays), strict=True):
                arrays[index] = array
        return arrays
