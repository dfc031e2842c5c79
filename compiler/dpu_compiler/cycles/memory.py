# SPDX-License-Identifier: Apache-2.0
"""What the model takes the DRAM for."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Memory:
    """A DRAM behind the AXI port; the defaults are the benchmark's.

    Parameters
    ----------
    read_latency
        Cycles from a read's request to its first beat.
    beat_cycles
        Cycles from one beat to the next.
    """

    read_latency: int = 40
    beat_cycles: int = 1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{field.name} must be a whole number of 1 or more, not {value!r}")


#: The memory of benchmarks.
BENCHMARK = Memory()
