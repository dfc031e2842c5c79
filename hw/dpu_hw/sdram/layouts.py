# SPDX-License-Identifier: Apache-2.0
"""What passes between the parts of the SDRAM controller."""

from dataclasses import dataclass

from amaranth.lib import data
from amaranth.utils import exact_log2

from dpu_hw.sdram.chip import CHIP_BYTES_WIDE

__all__ = ["Shape", "burst_layout", "candidate_layout", "segment_layout"]


@dataclass(frozen=True)
class Shape:
    """How a bus of some width sees a chip: one beat is one burst of the chip.

    From the lowest bit on, an address is made of the byte in a beat, the beat in a row, the bank
    and the row, so that a long burst of the bus finds its next row in another bank.
    """

    chip: object
    data_bytes: int

    def __post_init__(self):
        if self.data_bytes not in (4, 8, 16):
            raise ValueError(f"The data bus must have 4, 8 or 16 bytes, not {self.data_bytes!r}")

    @property
    def burst(self):
        """Words of 16 bits in a beat."""
        return self.data_bytes // CHIP_BYTES_WIDE

    @property
    def banks(self):
        """Number of banks."""
        return 1 << self.chip.bank_bits

    @property
    def column_bits(self):
        """Bits that count the beats in a row."""
        return self.chip.column_bits - exact_log2(self.burst)

    @property
    def place_bits(self):
        """Bits of bank and row."""
        return self.chip.bank_bits + self.chip.row_bits

    @property
    def beat_bits(self):
        """Bits that count the beats in the chip."""
        return self.column_bits + self.place_bits


def burst_layout(shape):
    """A burst of the bus."""
    return data.StructLayout(
        {
            "beat": shape.beat_bits,  # Address of the first, in beats.
            "more": 8,  # Beats after the first.
            "outside": 1,  # It lies outside the chip.
        }
    )


def segment_layout(shape):
    """The part of a burst that lies in one row."""
    return data.StructLayout(
        {
            "bank": shape.chip.bank_bits,
            "row": shape.chip.row_bits,
            "first": shape.column_bits,
            "last": shape.column_bits,
            "final": 1,  # The burst ends with it.
            "outside": 1,
        }
    )


def candidate_layout(shape):
    """A row that is wanted, and what is known of it, one cycle late."""
    return data.StructLayout(
        {
            "valid": 1,
            "bank": shape.chip.bank_bits,
            "row": shape.chip.row_bits,
            "hit": 1,  # The row is open.
            "miss": 1,  # Another row of the bank is open.
            "closed": 1,  # No row of the bank is open.
        }
    )
