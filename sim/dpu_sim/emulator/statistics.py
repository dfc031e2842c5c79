# SPDX-License-Identifier: Apache-2.0
"""What a run has done, in numbers."""

from __future__ import annotations

import dataclasses

from dpu_spec.instruction import Engine


@dataclasses.dataclass
class RunStatistics:
    """Counts of one run.

    ``array_macs`` and ``depthwise_macs`` count every multiplication, those of padding lanes and
    borders too. ``read_bytes`` are those of LOADs, ``instruction_bytes`` those of the fetched
    streams.
    """

    instructions: dict[Engine, int] = dataclasses.field(default_factory=dict)
    array_macs: int = 0
    depthwise_macs: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    instruction_bytes: int = 0

    def __add__(self, other: RunStatistics) -> RunStatistics:
        engines = sorted({*self.instructions, *other.instructions})
        return RunStatistics(
            {e: self.instructions.get(e, 0) + other.instructions.get(e, 0) for e in engines},
            self.array_macs + other.array_macs,
            self.depthwise_macs + other.depthwise_macs,
            self.read_bytes + other.read_bytes,
            self.written_bytes + other.written_bytes,
            self.instruction_bytes + other.instruction_bytes,
        )
