# SPDX-License-Identifier: Apache-2.0
"""Write .tflite models for tests."""

from dpu_compiler.frontend.write import GraphWriter
from dpu_compiler.frontend.write_options import TYPES

__all__ = ["TYPES", "GraphWriter"]
