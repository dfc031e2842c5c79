# SPDX-License-Identifier: Apache-2.0
"""A network under construction: random structure from hypothesis, random numbers from numpy.

Everything that shapes a network (operators, sizes, attributes) is drawn from hypothesis, so that it
shrinks; weights and inputs come from a generator with a drawn seed. Each tensor's value is known at
once, from the golden model, so that scales can be chosen that keep most results off their bounds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from dpu_golden import Quantization, UnsupportedOperator, Value, evaluate
from tests.support.tflite_writer import GraphWriter

Draw = Callable[[Any], Any]
Array = np.ndarray

#: Elements that a tensor has at most, but for those of large networks.
ELEMENTS = 20_000
#: Multiply-accumulates of one operator at most.
MACS = 6_000_000


@dataclasses.dataclass
class Network:
    """A finished network: its file, its inputs and what is needed to tell it apart."""

    model: bytes
    feeds: dict[int, Array]
    outputs: list[int]
    writer: GraphWriter
    seed: int

    def __repr__(self) -> str:
        lines = [f"Network(seed={self.seed}, outputs={self.outputs}):"]
        for index in self.feeds:
            lines.append(f"  {index} = input {_described(self.writer.values[index])}")
        for name, inputs, outputs, attributes in self.writer.operators:
            operands = ", ".join(self._operand(index) for index in inputs)
            results = ", ".join(
                f"{index} {_described(self.writer.values[index])}" for index in outputs
            )
            lines.append(f"  {results} = {name}({operands}) {attributes}")
        return "\n".join(lines)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print the same where hypothesis would list the fields."""
        printer.text(repr(self))

    def _operand(self, index: int | None) -> str:
        if index is None or index not in self.writer.constants:
            return str(index)
        data = self.writer.constants[index]
        if data.dtype == np.int32 and data.size <= 8:
            return str(data.tolist())
        return f"{data.dtype}{list(data.shape)}"


def _described(value: Value) -> str:
    q = value.quantization
    scale = "" if q is None else f" s={q.scale0:.5g} z={q.zero_point0}"
    return f"{value.dtype}{list(value.shape)}{scale}"


class Sketch:
    """Tensors and operators so far; see the module's docstring."""

    def __init__(self, draw: Draw, *, large: bool = False, planted: bool = False) -> None:
        self.draw = draw
        #: Whether layers with weights get channels that are constant or that nobody uses.
        self.planted = planted
        self.seed: int = draw(st.integers(0, 2**32 - 1))
        self.rng = np.random.default_rng(self.seed)
        self.writer = GraphWriter("random network")
        self.arrays: dict[int, Array] = {}
        self.inputs: list[int] = []
        #: int8 tensors that operators may read, oldest first.
        self.tensors: list[int] = []
        self.limit = ELEMENTS * (4 if large else 1)

    # What is drawn.

    def one(self, options: Sequence[Any]) -> Any:
        """One of these, the first being the simplest."""
        return self.draw(st.sampled_from(options))

    def number(self, low: int, high: int) -> int:
        """A number, both ends included."""
        return int(self.draw(st.integers(low, high)))

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases; False is simpler."""
        return self.number(0, 99) >= 100 - percent

    def shape(self, tensor: int) -> tuple[int, ...]:
        """A tensor's shape."""
        return self.writer.values[tensor].shape

    def quantization(self, tensor: int) -> Quantization:
        """A tensor's quantization."""
        quantization = self.writer.values[tensor].quantization
        assert quantization is not None
        return quantization

    def zero_point(self) -> int:
        """A zero point: the usual ones, the ends, any."""
        return int(self.one((0, -128, -1, 7, 127, self.number(-128, 127))))

    def scales(self) -> Quantization:
        """A scale between 2^-8 and 2^-1 and a zero point."""
        exponent = self.number(-8, -1)
        fraction = 1.0 if self.chance(20) else float(self.rng.uniform(1.0, 2.0))
        return Quantization((float(np.float32(fraction * 2.0**exponent)),), (self.zero_point(),))

    # What is added.

    def numbers(self, shape: Sequence[int]) -> Array:
        """Activations: spread, or at the ends, or alike."""
        kind = self.one(("spread", "spread", "spread", "extreme", "small"))
        if kind == "extreme":
            x = self.rng.choice([-128, 127], shape)
        elif kind == "small":
            x = self.rng.integers(-4, 5, shape)
        else:
            x = self.rng.normal(0, 50, shape).round().clip(-128, 127)
        return x.astype(np.int8)

    def input(self, shape: Sequence[int], dtype: str = "int8") -> int:
        """Add an input of the network."""
        if dtype == "float32":
            index = self.writer.tensor(shape, "float32", name=f"input_{len(self.inputs)}")
            self.arrays[index] = self.rng.normal(0, 2, shape).astype(np.float32)
        else:
            index = self.writer.tensor(
                shape, "int8", self.scales(), name=f"input_{len(self.inputs)}"
            )
            self.arrays[index] = self.numbers(shape)
        self.inputs.append(index)
        return index

    def constant(self, data: Array, quantization: Quantization | None = None) -> int:
        """Add a constant."""
        index = self.writer.constant(data, quantization)
        self.arrays[index] = self.writer.constants[index]
        return index

    def integers(self, numbers: Sequence[Any]) -> int:
        """Add a constant of int32."""
        return self.constant(np.asarray(numbers, np.int32))

    def _evaluate(
        self, name: str, inputs: Sequence[int], output: Value, attributes: Mapping[str, Any]
    ) -> Array:
        return evaluate(
            name,
            [self.arrays[index] for index in inputs],
            [self.writer.values[index] for index in inputs],
            [output],
            attributes,
        )[0]

    def fitted(
        self,
        name: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        attributes: Mapping[str, Any],
        scale: float,
    ) -> Quantization:
        """A quantization near ``scale`` under which the output is neither flat nor at its ends."""
        zero_point = self.zero_point()
        scale = min(max(scale, 2.0**-20), 2.0**8)
        if self.chance(15):  # As trained networks have it, sometimes all at one end.
            return Quantization((float(np.float32(scale)),), (zero_point,))
        good = None
        for _ in range(8):
            quantization = Quantization((float(np.float32(scale)),), (zero_point,))
            try:
                result = self._evaluate(
                    name, inputs, Value(tuple(shape), "int8", quantization), attributes
                )
            except UnsupportedOperator:
                if good is not None:
                    break
                scale *= 8
                continue
            good = quantization
            stuck = np.isin(result, (-128, 127)) & (result != zero_point)
            spread = int(result.max()) - int(result.min())
            if stuck.mean() > 0.5:
                scale *= 3
            elif result.size > 8 and spread < 10 and scale > 2.0**-12:
                scale /= 5
            else:
                break
        return good or Quantization((float(np.float32(scale)),), (zero_point,))

    def result(
        self,
        name: str,
        inputs: Sequence[int | None],
        shape: Sequence[int],
        quantization: Quantization | None,
        attributes: Mapping[str, Any] | None = None,
        dtype: str = "int8",
    ) -> int:
        """Add an operator with one output and return that."""
        given = [index for index in inputs if index is not None]
        value = Value(tuple(int(size) for size in shape), dtype, quantization)
        array = self._evaluate(name, given, value, attributes or {})
        index = self.writer.tensor(shape, dtype, quantization)
        self.writer.operator(name, inputs, [index], attributes)
        self.arrays[index] = array
        if dtype == "int8":
            self.tensors.append(index)
        return index

    def finish(self, outputs: Sequence[int]) -> Network:
        """The network, with these outputs."""
        return Network(
            self.writer.finish(self.inputs, outputs),
            {index: self.arrays[index] for index in self.inputs},
            list(outputs),
            self.writer,
            self.seed,
        )
