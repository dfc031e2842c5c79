# SPDX-License-Identifier: Apache-2.0
"""Why engines waited: the token that came last, the split of an engine's cycles, the longest chain.

The n-th instruction that waits for a token of an engine takes the one that the n-th instruction of
that engine with a signal for it gave, so who waited for whom follows from the streams alone.
"""

from __future__ import annotations

import dataclasses

from dpu_host.profile.execution import Executed, Execution
from dpu_spec.instruction import Engine

#: An instruction by its engine and its position there.
Key = tuple[Engine, int]


@dataclasses.dataclass(frozen=True)
class Wait:
    """Cycles in which an engine was empty before it took an instruction.

    ``cause`` gave the token that came last, if one came while the engine was empty; None: all
    tokens were there, and the instruction was still to be fetched or dispatched.
    """

    cycles: int
    cause: Executed | None


def tokens(execution: Execution) -> dict[Key, list[Executed]]:
    """Return the instructions that gave each instruction the tokens that it waited for."""
    found: dict[Key, list[Executed]] = {}
    for number in range(len(execution.runs)):
        given: dict[tuple[Engine, Engine], list[Executed]] = {}
        mine = {
            engine: [each for each in every if each.run == number]
            for engine, every in execution.engines.items()
        }
        for engine, every in mine.items():
            for each in every:
                for other in Engine:
                    if each.instruction.signal >> other & 1:
                        given.setdefault((engine, other), []).append(each)
        taken: dict[tuple[Engine, Engine], int] = {}
        for engine, every in mine.items():
            for each in every:
                for other in Engine:
                    if each.instruction.wait >> other & 1:
                        pair = (other, engine)
                        position = taken.get(pair, 0)
                        taken[pair] = position + 1
                        key = (engine, each.position)
                        found.setdefault(key, []).append(given[pair][position])
    return found


def waits(execution: Execution) -> dict[Key, Wait]:
    """Return the wait before each instruction whose engine was empty when it took it."""
    givers = tokens(execution)
    found = {}
    for engine, every in execution.engines.items():
        for each in every:
            empty_from = _empty_from(execution, each)
            cycles = each.start - empty_from
            if cycles <= 0:
                continue
            last = max(givers.get((engine, each.position), ()), key=lambda g: g.end, default=None)
            late = last is not None and last.end >= empty_from
            found[engine, each.position] = Wait(cycles, last if late else None)
    return found


def _empty_from(execution: Execution, each: Executed) -> int:
    """Return the first cycle of its run in which nothing earlier was in the engine."""
    beginning = execution.beginnings[each.run]
    if each.index == 0:
        return beginning
    return execution.engines[each.engine][each.position - 1].end + 1


@dataclasses.dataclass
class Split:
    """An engine's cycles, which add up to the total.

    ``waiting`` has those in which it was empty, by the engine whose token came last; ``fetch``:
    all tokens were there, or none was needed; ``after``: there was nothing left to do.
    """

    busy: int = 0
    fetch: int = 0
    after: int = 0
    waiting: dict[Engine, int] = dataclasses.field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return self.busy + self.fetch + self.after + sum(self.waiting.values())


def splits(execution: Execution) -> dict[Engine, Split]:
    """Return where each engine's cycles went."""
    reasons = waits(execution)
    found = {}
    for engine, every in execution.engines.items():
        split = Split()
        for each in every:
            # The cycle model ends in the cycle after the last.
            split.busy += min(each.end + 1, execution.cycles) - each.front
            wait = reasons.get((engine, each.position))
            if wait is not None and wait.cause is not None:
                cause = wait.cause.engine
                split.waiting[cause] = split.waiting.get(cause, 0) + wait.cycles
            elif wait is not None:
                split.fetch += wait.cycles
        split.after = execution.cycles - split.total
        found[engine] = split
    return found


@dataclasses.dataclass(frozen=True)
class Link:
    """Cycles from ``first`` to before ``last`` of the chain, and who had them; None: nobody.

    Nobody: the start, dispatch between two engines, or the end.
    """

    first: int
    last: int
    owner: Executed | None


def chain(execution: Execution) -> list[Link]:
    """Return the chain of instructions that the total consists of, in the order of time.

    It goes back from the instruction that ended last: to the one that gave the token if the engine
    was empty, else to the one before in the same engine. Its links add up to the total.
    """
    reasons = waits(execution)
    links: list[Link] = []
    upper = execution.cycles

    def link(first: int, owner: Executed | None) -> None:
        nonlocal upper
        if first < upper:
            links.append(Link(first, upper, owner))
            upper = first

    for number in reversed(range(len(execution.runs))):
        mine = [e for every in execution.engines.values() for e in every if e.run == number]
        each = max(mine, key=lambda e: e.end, default=None)
        while each is not None:
            link(each.end + 1, None)
            link(each.front, each)
            wait = reasons.get((each.engine, each.position))
            if wait is not None and wait.cause is not None:
                each = wait.cause
            elif each.index > 0:
                each = execution.engines[each.engine][each.position - 1]
            else:
                each = None
        link(execution.beginnings[number], None)
    return links[::-1]
