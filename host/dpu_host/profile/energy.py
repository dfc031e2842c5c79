# SPDX-License-Identifier: Apache-2.0
"""What moving bytes costs beside what multiplying costs.

The figures are those of a 45 nm process that are commonly quoted: 5 pJ for a multiplication of
32 bits and 640 pJ for a read of 32 bits from DRAM, scaled by width. Both are scaled in proportion,
as bits go; a multiplier really shrinks with the square of its width, so the arithmetic's share is
an upper bound.
"""

from __future__ import annotations

import dataclasses

#: Picojoules of a multiplication of 32 bits.
MULTIPLICATION_32 = 5.0
#: Picojoules of a read of 32 bits from DRAM; a write is taken to cost the same.
DRAM_32 = 640.0
#: Picojoules of a multiplication of int8.
MULTIPLICATION = MULTIPLICATION_32 * 8 / 32
#: Picojoules of a byte from or to DRAM.
DRAM_BYTE = DRAM_32 * 8 / 32


@dataclasses.dataclass(frozen=True)
class Energy:
    """Picojoules of an inference."""

    multiplications: float
    reads: float
    writes: float


def energy(macs: int, read_bytes: int, write_bytes: int) -> Energy:
    """Return the energy of an inference's multiplications and of its bytes over the DRAM bus."""
    return Energy(macs * MULTIPLICATION, read_bytes * DRAM_BYTE, write_bytes * DRAM_BYTE)
