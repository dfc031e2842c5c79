# SPDX-License-Identifier: Apache-2.0
"""What the models of all engines have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

#: The fields of an instruction.
Values = Mapping[str, int]
#: Before any cycle.
NEVER = -1 << 40


class EngineTiming(Protocol):
    """An engine whose instructions' ends follow from when they are taken."""

    #: First cycle in which the next instruction can be taken; None: not known yet.
    ready: int | None

    def run(self, i: Values, taken: int) -> int:
        """Return when an instruction that is taken in a cycle is done."""
