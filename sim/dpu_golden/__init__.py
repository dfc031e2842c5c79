# SPDX-License-Identifier: Apache-2.0
"""Golden model."""

from .errors import UnsupportedOperator
from .quantization import Quantization
from .value import Value

__all__ = ["Quantization", "UnsupportedOperator", "Value"]
