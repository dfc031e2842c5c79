# SPDX-License-Identifier: Apache-2.0
"""The golden model: what each operator means, bit for bit, in numpy.

Its judge is TensorFlow Lite Micro. It knows nothing of hardware and imports nothing of Tandem.
"""

from .errors import UnsupportedOperator
from .fixed_point import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    requantize,
    rounding_divide_by_pot,
    rounding_doubling_high_mul,
)
from .operator import OPERATORS, UNARY_OPERATORS, evaluate, table
from .parameters import (
    AddParameters,
    activation_range,
    add_parameters,
    conv_multipliers,
    mean_parameters,
    mul_parameters,
    sum_parameters,
)
from .quantization import Quantization
from .value import Value
from .window import same_padding

__all__ = [
    "OPERATORS",
    "UNARY_OPERATORS",
    "AddParameters",
    "Quantization",
    "UnsupportedOperator",
    "Value",
    "activation_range",
    "add_parameters",
    "conv_multipliers",
    "evaluate",
    "mean_parameters",
    "mul_parameters",
    "multiply_by_quantized_multiplier",
    "quantize_multiplier",
    "requantize",
    "rounding_divide_by_pot",
    "rounding_doubling_high_mul",
    "same_padding",
    "sum_parameters",
    "table",
]
