# SPDX-License-Identifier: Apache-2.0
"""From operators to layers: which engine makes which feature map, in which layout."""

from dpu_compiler.translate.step import StepBuilder
from dpu_compiler.translate.translators import TRANSLATORS, translate

__all__ = ["TRANSLATORS", "StepBuilder", "translate"]
