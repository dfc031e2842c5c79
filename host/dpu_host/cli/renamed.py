# SPDX-License-Identifier: Apache-2.0
"""Tensors that are other names for elements of another one (RESHAPE and its like).

Nothing computes them, so that a run leaves them only under the name of their source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from dpu_compiler.legal import SUPPORT
from dpu_spec.program import Program

Array = npt.NDArray[Any]

_RENAMING = {name for name, support in SUPPORT.items() if support.engine == "none"}


def with_renamed(program: Program, found: Mapping[int, Array]) -> dict[int, Array]:
    """Return the tensors of a run by index, with those that only rename one of them."""
    every = dict(found)
    for layer in program.layers:
        if layer.engine != "none" or layer.operator not in _RENAMING:
            continue
        source, output = layer.inputs[0], layer.outputs[0]
        if source in every and output not in every:
            every[output] = every[source].reshape(program.tensors[output].shape)
    return every
