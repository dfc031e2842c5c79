# SPDX-License-Identifier: Apache-2.0
"""When an SDRAM's clock must come, so that commands and data meet their edges on a board."""

import dataclasses
import math

from dpu_hw.sdram import SdramTiming

__all__ = ["MemoryWiring", "memory_wiring"]

# All in nanoseconds. Commands and data leave and enter by flip-flops in the pads. The clock leaves
# by a pad like theirs, so that only what is not common to both ways counts.

#: Clock to data of the chip, and how long data stays after the next clock (CAS latency 2 or 3).
_ACCESS, _HOLD = 6.0, 2.7
#: From our clock to the chip's clock pin, and from a data pin into a flip-flop: the output pad
#: and clock tree of an ECP5 (about 3.5), the board (0.3 both ways) and the input pad (1.2).
_WAY = 5.0
#: What the chip needs before and after its clock (1.5, 0.8), with as much again for the skew of
#: pads.
_SETUP, _AFTER = 2.5, 1.8


@dataclasses.dataclass(frozen=True, kw_only=True)
class MemoryWiring:
    """How an SDRAM is clocked.

    Parameters
    ----------
    phase : :class:`float`
        How much later than ours the chip's clock comes, as a part of the period.
    round_trip : :class:`int`
        What :class:`dpu_hw.sdram.Sdram` has to know of the way to the chip and back, in cycles.
    margin : :class:`float`
        Nanoseconds that read data is there before and after the edge that takes it, at least.
    """

    phase: float
    round_trip: int
    margin: float


def memory_wiring(chip, clock_hertz):
    """Return the :class:`MemoryWiring` that takes read data nearest to the middle of its time.

    After a command has left its flip-flop, the chip sees it ``phase`` later; its data is there
    from ``phase + (cas - 1) * period + access`` to ``phase + cas * period + hold``.

    Raises
    ------
    ValueError
        If there is no such phase.
    """
    period = 1e9 / clock_hertz
    cas = SdramTiming.of(chip, clock_hertz).cas
    best = None
    for eighth in range(64):
        phase = eighth / 64
        late = phase * period
        if not _SETUP <= late <= period - _AFTER:
            continue
        begin = late + (cas - 1) * period + _ACCESS + _WAY
        end = late + cas * period + _HOLD + _WAY
        edge = math.ceil(begin / period)
        margin = min(edge * period - begin, end - edge * period)
        if best is None or margin > best.margin:
            # The way of a word: the pad's flip-flop, the chip, and the pad's flip-flop again.
            best = MemoryWiring(phase=phase, round_trip=edge + 1 - cas, margin=margin)
    if best is None or best.margin <= 0:
        raise ValueError(
            f"{chip.name}: no phase of its clock suits {clock_hertz / 1e6:g} MHz; choose another."
        )
    return best
