# SPDX-License-Identifier: Apache-2.0
"""The static description of a tensor."""

from dataclasses import dataclass

from .errors import UnsupportedOperator
from .quantization import Quantization


@dataclass(frozen=True)
class Value:
    """Shape, element type (a numpy name) and quantization of a tensor."""

    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None


def quantization_of(value: Value, what: str) -> Quantization:
    """The quantization of a tensor that must have one; ``what`` names it in the message."""
    if value.quantization is None:
        raise UnsupportedOperator(f"The {what} has no quantization, but its operator needs one.")
    return value.quantization
