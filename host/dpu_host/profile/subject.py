# SPDX-License-Identifier: Apache-2.0
"""What is shown: an inference, its statistics, and where they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from dpu_host.profile.execution import Execution


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a page or a trace is made of.

    Parameters
    ----------
    execution
        When each instruction ran.
    statistics
        The figures of ``docs/statistics.md``, layers included.
    measured
        Whether the RTL said so, or the cycle model.
    origin
        A sentence on where the times come from.
    clock
        Megahertz, where times are wanted as well as cycles.
    """

    execution: Execution
    statistics: Mapping[str, Any]
    measured: bool
    origin: str
    clock: float | None = None

    @property
    def name(self) -> str:
        """The network's name."""
        return self.execution.program.model
