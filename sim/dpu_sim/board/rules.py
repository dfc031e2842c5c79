# SPDX-License-Identifier: Apache-2.0
"""What the simulated SDRAM checks, and what it counts."""

import dataclasses
import math
from typing import NamedTuple, Protocol, Self


class Chip(Protocol):
    """A data sheet: geometry in bits, times in nanoseconds."""

    @property
    def row_bits(self) -> int:
        """Bits of a row's number."""

    @property
    def column_bits(self) -> int:
        """Bits of a column's number."""

    @property
    def bank_bits(self) -> int:
        """Bits of a bank's number."""

    @property
    def cas2_period(self) -> float:
        """Shortest clock period for a CAS latency of two."""

    @property
    def rcd(self) -> float:
        """ACTIVATE to READ or WRITE."""

    @property
    def rp(self) -> float:
        """PRECHARGE to the next command of the bank."""

    @property
    def ras(self) -> float:
        """ACTIVATE to PRECHARGE."""

    @property
    def rc(self) -> float:
        """ACTIVATE to ACTIVATE of the same bank."""

    @property
    def rfc(self) -> float:
        """REFRESH to the next command."""

    @property
    def rrd(self) -> float:
        """ACTIVATE to ACTIVATE of another bank."""

    @property
    def wr(self) -> float:
        """Last written word to PRECHARGE."""

    @property
    def wr_cycles(self) -> int:
        """The same, in cycles."""

    @property
    def mrd_cycles(self) -> int:
        """MODE to the next command, in cycles."""

    @property
    def refreshes(self) -> int:
        """REFRESH commands within `refresh_period`."""

    @property
    def refresh_period(self) -> float:
        """Time for all rows to be refreshed."""

    @property
    def power_up(self) -> float:
        """Clock stable to the first command."""

    @property
    def power_up_refreshes(self) -> int:
        """REFRESH commands of the start-up sequence."""


@dataclasses.dataclass(frozen=True)
class MemoryRules:
    """An SDRAM chip at a clock: least times in cycles, in the order of the simulator's arguments.

    The design must not use the chip's times in any other way than the data sheet says; so
    they are rounded here once more, and not taken from the design.
    """

    row_bits: int
    column_bits: int
    bank_bits: int
    rcd: int
    rp: int
    ras: int
    rc: int
    rfc: int
    rrd: int
    wr: int
    mrd: int
    cas: int
    """Least CAS latency."""
    refresh: int
    """Cycles to a refresh on average, at most."""
    power_up: int
    power_up_refreshes: int
    round_trip: int
    """Cycles by which read data comes later than the chip gives it."""

    @classmethod
    def of(cls, chip: Chip, clock_hertz: float, *, round_trip: int = 0) -> Self:
        """Return a chip's rules at a clock."""

        def least(nanoseconds: float) -> int:
            return math.ceil(round(nanoseconds * clock_hertz / 1e9, 6))

        return cls(
            row_bits=chip.row_bits,
            column_bits=chip.column_bits,
            bank_bits=chip.bank_bits,
            rcd=least(chip.rcd),
            rp=least(chip.rp),
            ras=least(chip.ras),
            rc=least(chip.rc),
            rfc=least(chip.rfc),
            rrd=least(chip.rrd),
            wr=max(least(chip.wr), chip.wr_cycles),
            mrd=chip.mrd_cycles,
            cas=2 if least(chip.cas2_period) <= 1 else 3,
            refresh=math.ceil(chip.refresh_period / chip.refreshes * clock_hertz / 1e9),
            power_up=least(chip.power_up),
            power_up_refreshes=chip.power_up_refreshes,
            round_trip=round_trip,
        )

    def arguments(self) -> list[str]:
        """Return the simulator's arguments."""
        return [str(value) for value in dataclasses.astuple(self)]


class MemoryCounters(NamedTuple):
    """What went over the SDRAM's pins: commands, and words of 16 bits."""

    reads: int
    writes: int
    activates: int
    precharges: int
    refreshes: int
    words_read: int
    words_written: int
