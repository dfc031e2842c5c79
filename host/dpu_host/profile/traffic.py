# SPDX-License-Identifier: Apache-2.0
"""Bytes over the DRAM bus as they add up over time, by what they are.

A transfer's bytes are spread evenly over the cycles in which it had its engine for itself. An
instruction is fetched when its engine's queue gets room for it (as many instructions ahead as the
queue holds) and the port has brought what was asked for before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from dpu_host.profile.execution import Executed, Execution
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES, TARGET_SCRATCHPAD, WINDOW_PROGRAM

#: What bytes are, in the order in which they are shown.
KINDS = {
    "constants": "weights and parameters read",
    "maps_in": "feature maps read",
    "instructions": "instructions read",
    "maps_out": "feature maps written",
}


@dataclasses.dataclass(frozen=True)
class Curve:
    """Bytes up to a cycle: ``total[i]`` at ``times[i]``, straight lines between."""

    times: list[int]
    total: list[float]

    def at(self, times: Iterable[int]) -> list[float]:
        """Return the bytes up to each of these cycles."""
        found = np.interp(list(times), self.times, self.total)
        return [float(total) for total in found]


#: First cycle, the cycle after the last, bytes.
Interval = tuple[int, int, int]


def transferred(each: Executed) -> int:
    """Return the bytes that an instruction moves to or from DRAM."""
    if each.engine not in (Engine.LOAD, Engine.STORE):
        return 0
    return each.instruction.rows * each.instruction.row_bytes


def traffic(execution: Execution) -> dict[str, Curve]:
    """Return the curve of each of :data:`KINDS`."""
    intervals: dict[str, list[Interval]] = {kind: [] for kind in KINDS}
    for each in execution.engines[Engine.LOAD]:
        v = each.instruction.values
        constant = v["target"] != TARGET_SCRATCHPAD or v["window"] == WINDOW_PROGRAM
        kind = "constants" if constant else "maps_in"
        intervals[kind].append((each.front, each.end + 1, transferred(each)))
    for each in execution.engines[Engine.STORE]:
        intervals["maps_out"].append((each.front, each.end + 1, transferred(each)))
    intervals["instructions"] = _fetches(execution)
    return {kind: curve(mine, execution.cycles) for kind, mine in intervals.items()}


def _fetches(execution: Execution) -> list[Interval]:
    """Return when each instruction is fetched, at a beat a cycle."""
    configuration = execution.program.configuration
    wanted = []
    for engine, every in execution.engines.items():
        size = INSTRUCTION_BYTES[engine]
        beats = -(-size // configuration.axi_bytes)
        for each in every:
            ahead = each.index - configuration.instruction_queue
            room = execution.beginnings[each.run]
            if ahead >= 0:
                room = every[each.position - configuration.instruction_queue].start
            wanted.append((room, beats, size))
    found = []
    free = 0
    for room, beats, size in sorted(wanted):
        free = max(room, free) + beats
        found.append((free - beats, free, size))
    return found


def curve(intervals: list[Interval], cycles: int) -> Curve:
    """Add up bytes that are spread evenly over intervals."""
    rates: dict[int, float] = {0: 0.0, cycles: 0.0}
    for first, last, size in intervals:
        last = min(last, cycles)
        first = min(first, last - 1)
        rates[first] = rates.get(first, 0.0) + size / (last - first)
        rates[last] = rates.get(last, 0.0) - size / (last - first)
    times = sorted(rates)
    total, rate, now = [], 0.0, 0.0
    for index, time in enumerate(times):
        if index:
            now += rate * (time - times[index - 1])
        total.append(now)
        rate += rates[time]
    return Curve(times, total)
