# SPDX-License-Identifier: Apache-2.0
"""SDR SDRAM chips: geometry and timing in nanoseconds, and what that is in cycles of a clock."""

import math
from dataclasses import dataclass

__all__ = [
    "AS4C32M16",
    "CHIPS",
    "CHIP_BYTES_WIDE",
    "IS42S16160",
    "W9825G6KH",
    "SdramChip",
    "SdramTiming",
]

#: Width of the data pins in bytes.
CHIP_BYTES_WIDE = 2
#: Address pin of PRECHARGE that means all banks.
_ALL_BANKS_PIN = 10


@dataclass(frozen=True)
class SdramChip:
    """One SDR SDRAM chip with 16 data pins.

    Times are least ones in nanoseconds unless said otherwise. Where speed grades differ, the parts
    below have the times of the slower ones.
    """

    name: str
    row_bits: int
    column_bits: int
    cas2_period: float
    """Shortest clock period for a CAS latency of two."""
    cas3_period: float
    """Shortest clock period for a CAS latency of three."""
    rcd: float
    """ACTIVATE to READ or WRITE of the same bank."""
    rp: float
    """PRECHARGE to the next command of the same bank."""
    ras: float
    """ACTIVATE to PRECHARGE of the same bank."""
    rc: float
    """ACTIVATE to ACTIVATE of the same bank."""
    rfc: float
    """REFRESH to the next command."""
    rrd: float
    """ACTIVATE to ACTIVATE of another bank."""
    wr: float
    """Last written data to PRECHARGE; never less than :attr:`wr_cycles`."""
    wr_cycles: int = 2
    mrd_cycles: int = 2
    """Setting the mode register to the next command, in cycles."""
    bank_bits: int = 2
    refreshes: int = 8192
    """REFRESH commands within :attr:`refresh_period`."""
    refresh_period: float = 64e6
    power_up: float = 200e3
    """Clock and power stable to the first command."""
    power_up_refreshes: int = 8

    def __post_init__(self):
        for field, least in (("row_bits", 11), ("column_bits", 8), ("bank_bits", 1)):
            value = getattr(self, field)
            if not isinstance(value, int) or not least <= value <= 13:
                raise ValueError(f"{self.name}: {field} is {value!r}, not {least} to 13")
        if self.column_bits > _ALL_BANKS_PIN:
            raise ValueError(
                f"{self.name}: columns of {self.column_bits} bits would need the address pin "
                f"{_ALL_BANKS_PIN}, which has another meaning"
            )
        times = ("cas2_period", "cas3_period", "rcd", "rp", "ras", "rc", "rfc", "rrd", "wr")
        for field in (*times, "refreshes", "refresh_period", "power_up", "power_up_refreshes"):
            if getattr(self, field) <= 0:
                raise ValueError(f"{self.name}: {field} must be more than 0")
        if self.cas3_period > self.cas2_period:
            raise ValueError(f"{self.name}: a CAS latency of 3 must not need a slower clock than 2")

    @property
    def size(self):
        """Bytes of the whole chip."""
        return CHIP_BYTES_WIDE << (self.row_bits + self.column_bits + self.bank_bits)


IS42S16160 = SdramChip(
    "IS42S16160",
    row_bits=13,
    column_bits=9,
    cas2_period=10,
    cas3_period=7,
    rcd=20,
    rp=20,
    ras=45,
    rc=67.5,
    rfc=70,
    rrd=15,
    wr=14,
)
W9825G6KH = SdramChip(
    "W9825G6KH",
    row_bits=13,
    column_bits=9,
    cas2_period=10,
    cas3_period=7,
    rcd=18,
    rp=18,
    ras=42,
    rc=60,
    rfc=60,
    rrd=14,
    wr=14,
)
AS4C32M16 = SdramChip(
    "AS4C32M16",
    row_bits=13,
    column_bits=10,
    cas2_period=10,
    cas3_period=7,
    rcd=21,
    rp=21,
    ras=42,
    rc=63,
    rfc=63,
    rrd=14,
    wr=14,
)
#: By name.
CHIPS = {chip.name: chip for chip in (IS42S16160, W9825G6KH, AS4C32M16)}


@dataclass(frozen=True)
class SdramTiming:
    """A chip's times in cycles of a clock, each one or more."""

    cas: int
    """CAS latency: 2 or 3."""
    rcd: int
    rp: int
    ras: int
    rc: int
    rfc: int
    rrd: int
    wr: int
    mrd: int
    refresh: int
    """Cycles from one REFRESH to the next, at most, on average."""
    power_up: int

    @classmethod
    def of(cls, chip, clock_hertz):
        """Round a chip's times for a clock.

        Raises
        ------
        ValueError
            If the clock is too fast for the chip, or too slow to refresh it.
        """
        if not clock_hertz > 0:
            raise ValueError(f"A clock must have more than 0 hertz, not {clock_hertz!r}")
        period = 1e9 / clock_hertz

        def cycles(time):
            # A tenth of a picosecond absorbs the rounding of the period.
            return max(1, math.ceil((time - 1e-4) / period))

        if period + 1e-4 < chip.cas3_period:
            raise ValueError(
                f"{chip.name} takes at most {1e3 / chip.cas3_period:.0f} MHz, not "
                f"{clock_hertz / 1e6:.0f} MHz: choose a slower clock"
            )
        timing = cls(
            cas=2 if period + 1e-4 >= chip.cas2_period else 3,
            rcd=cycles(chip.rcd),
            rp=cycles(chip.rp),
            ras=cycles(chip.ras),
            rc=cycles(chip.rc),
            rfc=cycles(chip.rfc),
            rrd=cycles(chip.rrd),
            wr=max(chip.wr_cycles, cycles(chip.wr)),
            mrd=chip.mrd_cycles,
            refresh=math.floor((chip.refresh_period / chip.refreshes + 1e-4) / period),
            power_up=cycles(chip.power_up),
        )
        if timing.refresh < 100:
            raise ValueError(
                f"{chip.name} must be refreshed every {timing.refresh} cycles at "
                f"{clock_hertz / 1e6:g} MHz, and 100 are needed: choose a faster clock"
            )
        return timing
