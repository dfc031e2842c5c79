# SPDX-License-Identifier: Apache-2.0
"""One evaluation of one operator: its tensors, their descriptions and its attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from .errors import UnsupportedOperator
from .quantization import Quantization
from .value import Value, quantization_of

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Call:
    """What an operator's function gets. Accessors raise with a sentence that names the operator."""

    operator: str
    inputs: Sequence[Array | None]
    input_values: Sequence[Value | None]
    output_values: Sequence[Value]
    attributes: Mapping[str, object]

    def fail(self, sentence: str) -> UnsupportedOperator:
        """The exception to raise, with the operator's name before the sentence."""
        return UnsupportedOperator(f"{self.operator}: {sentence}")

    def has(self, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(self.inputs) and self.inputs[index] is not None

    def array(self, index: int) -> Array:
        """An input that must be there."""
        if not self.has(index):
            raise self.fail(f"Input {index} is missing.")
        return cast(Array, self.inputs[index])

    def value(self, index: int) -> Value:
        """The description of an input that must be there."""
        value = self.input_values[index] if index < len(self.input_values) else None
        if value is None:
            raise self.fail(f"Input {index} has no description.")
        return value

    def quantization(self, index: int) -> Quantization:
        """The quantization of an input."""
        return quantization_of(self.value(index), f"input {index} of {self.operator}")

    @property
    def output(self) -> Value:
        """The description of the first output."""
        if not self.output_values:
            raise self.fail("It has no output.")
        return self.output_values[0]

    @property
    def output_quantization(self) -> Quantization:
        """The quantization of the first output."""
        return quantization_of(self.output, f"output of {self.operator}")

    def integer(self, name: str, default: int) -> int:
        """An integer attribute."""
        return int(cast(int, self.attributes.get(name, default)))

    def flag(self, name: str, default: bool = False) -> bool:
        """A true-or-false attribute."""
        return bool(self.attributes.get(name, default))

    def number(self, name: str, default: float) -> float:
        """A real attribute, rounded to the float32 that the file holds."""
        return float(np.float32(cast(float, self.attributes.get(name, default))))

    def pair(self, name: str, default: tuple[int, int]) -> tuple[int, int]:
        """An attribute of two integers, height before width."""
        height, width = cast(tuple[int, int], self.attributes.get(name, default))
        return int(height), int(width)

    @property
    def activation(self) -> str:
        """The fused activation."""
        return str(self.attributes.get("activation") or "NONE")

    def integers(self, index: int, name: str) -> list[int]:
        """A list of integers from an input tensor, or from an attribute where that is absent."""
        if self.has(index):
            return [int(number) for number in self.array(index).reshape(-1)]
        if name in self.attributes:
            given = cast("Sequence[int] | int", self.attributes[name])
            return [int(number) for number in np.asarray(given).reshape(-1)]
        raise self.fail(f"It needs input {index} or the attribute {name!r}.")

    def require_int8(self, *indices: int) -> None:
        """Refuse any of these inputs, and an output, that is not int8."""
        for index in indices:
            if self.value(index).dtype != "int8":
                raise self.fail(
                    f"Input {index} is {self.value(index).dtype}; only int8 is supported."
                )
        if self.output.dtype != "int8":
            raise self.fail(f"The output is {self.output.dtype}; only int8 is supported.")

    def shaped(self, result: Array) -> list[Array]:
        """The result as the only output, once its shape is found to be the described one."""
        if result.shape != self.output.shape:
            raise self.fail(
                f"It makes the shape {result.shape}, but the model says {self.output.shape}."
            )
        return [result]
