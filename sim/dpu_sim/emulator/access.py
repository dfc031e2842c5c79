# SPDX-License-Identifier: Apache-2.0
"""How one instruction reaches the buffers: every access is checked and noted here."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction

from .errors import FieldError, RaceError, RangeError, UnwrittenError
from .memory import Buffer, Memory, Pixels, Run, Words
from .races import Clocks, Conflict, Int64s, Selection, reader, writer
from .statistics import RunStatistics

#: Written words by buffer name: addresses (words, or bytes of a window) and values.
Writes = dict[str, tuple[Int64s, npt.NDArray[Any]]]


class History:
    """The instructions that every engine has executed, to name them in errors."""

    def __init__(self) -> None:
        self._executed: dict[Engine, list[tuple[int, Instruction]]] = {e: [] for e in Engine}

    def add(self, engine: Engine, index: int, instruction: Instruction) -> None:
        """Note that an instruction starts."""
        self._executed[engine].append((index, instruction))

    def find(self, agent: int, epoch: int) -> tuple[Engine, int, Instruction]:
        """Return the instruction that made an access."""
        engine = Engine(agent // 2)
        index, instruction = self._executed[engine][epoch - 1]
        return engine, index, instruction


class Access:
    """One instruction while it is executed.

    Reads come before writes. ``check`` turns on what is more than the range of addresses.
    """

    def __init__(
        self,
        memory: Memory,
        configuration: Configuration,
        statistics: RunStatistics,
        history: History,
        *,
        check: bool,
    ) -> None:
        self.memory = memory
        self.configuration = configuration
        self.statistics = statistics
        self.check = check
        self._history = history
        self.writes: Writes = {}
        self.keep_writes = False

    def begin(
        self, engine: Engine, index: int, instruction: Instruction, epoch: int, clocks: Clocks
    ) -> None:
        """Turn to an instruction."""
        self._engine, self._index, self._instruction = engine, index, instruction
        self._epoch = epoch
        self._read_clock = clocks.of(reader(engine))
        self._write_clock = clocks.of(writer(engine))
        self.writes = {}

    def fail(self, what: str) -> NoReturn:
        """Raise for fields that mean nothing."""
        raise FieldError(self._engine, self._index, self._instruction, what)

    def require(self, holds: bool, what: str) -> None:
        """Raise unless a rule about the instruction's fields holds."""
        if self.check and not holds:
            self.fail(what)

    def read(self, buffer: Buffer, selection: Selection) -> npt.NDArray[Any]:
        """Read words."""
        self._in_range(buffer, selection, "reads")
        tracker = buffer.tracker
        if tracker is not None:
            self._written(buffer, selection)
            conflict = tracker.read(selection, reader(self._engine), self._epoch, self._read_clock)
            if conflict is not None:
                self._race("reads", buffer, "write", conflict)
        return selection.get(buffer.data)

    def write(self, buffer: Buffer, selection: Selection, values: npt.NDArray[Any]) -> None:
        """Write words, each address once."""
        self._in_range(buffer, selection, "writes")
        tracker = buffer.tracker
        if tracker is not None:
            self._once(buffer, selection)
            found = tracker.write(selection, writer(self._engine), self._epoch, self._write_clock)
            if found is not None:
                self._race("writes", buffer, *found)
        selection.put(buffer.data, values)
        if self.keep_writes:
            self.writes[buffer.name] = (_addresses(selection), values)

    def update(self, buffer: Buffer, selection: Selection, *, fresh: bool) -> npt.NDArray[Any]:
        """Return old sums (zeros where ``fresh``) that the writing agent will overwrite."""
        self._in_range(buffer, selection, "reads")
        if fresh:
            return np.zeros_like(selection.get(buffer.data))
        if buffer.tracker is not None:
            self._written(buffer, selection)
        return selection.get(buffer.data)

    def reads_what_it_writes(self, buffer: Buffer, addresses: Int64s) -> bool:
        """Tell whether this instruction has read any of the addresses that it will write."""
        tracker = buffer.tracker
        if tracker is None:
            return False
        self._in_range(buffer, Words(addresses), "writes")
        return tracker.read_by(Words(addresses), reader(self._engine), self._epoch)

    def self_race(self, buffer: Buffer, address: int) -> NoReturn:
        """Raise for a read that depends on a write of the same instruction."""
        me = (self._engine, self._index, self._instruction)
        what = (
            f"reads {buffer.unit} {address} of {buffer.name} after it has written it itself, in an "
            "earlier iteration; whether it sees the old or the new value is open"
        )
        raise RaceError(*me, what, me)

    def _fault(self, kind: type[RangeError] | type[UnwrittenError], what: str) -> NoReturn:
        raise kind(self._engine, self._index, self._instruction, what)

    def _in_range(self, buffer: Buffer, selection: Selection, verb: str) -> None:
        if isinstance(selection, Words):
            if not selection.addresses.size:
                return
            first, last = int(selection.addresses.min()), int(selection.addresses.max())
        elif isinstance(selection, Run):
            first, last = selection.start, selection.start + selection.count - 1
        else:
            assert isinstance(selection, Pixels)
            first, last = selection.offset, selection.end - 1
        if first < 0 or last >= buffer.size:
            self._fault(
                RangeError,
                f"{verb} {buffer.unit}s {first} to {last} of {buffer.name}, which has "
                f"{buffer.size} {buffer.unit}s.",
            )

    def _written(self, buffer: Buffer, selection: Selection) -> None:
        assert buffer.tracker is not None
        address = buffer.tracker.unwritten(selection)
        if address is not None:
            self._fault(
                UnwrittenError,
                f"reads {buffer.unit} {address} of {buffer.name}, which nobody has written yet.",
            )

    def _once(self, buffer: Buffer, selection: Selection) -> None:
        """Check that no address is written twice."""
        if isinstance(selection, Run):
            return
        if isinstance(selection, Pixels):
            row = (selection.columns - 1) * selection.column_stride + selection.depth
            apart = selection.columns == 1 or selection.column_stride >= selection.depth
            if apart and (selection.rows == 1 or selection.row_stride >= row):
                return
        count = np.zeros(buffer.size, np.bool_)
        selection.put(count, 1)
        self.require(
            int(np.count_nonzero(count)) == selection.get(count).size,
            f"writes some {buffer.unit}s of {buffer.name} more than once.",
        )

    def _race(self, verb: str, buffer: Buffer, other_verb: str, conflict: Conflict) -> NoReturn:
        other = self._history.find(conflict.agent, conflict.epoch)
        what = (
            f"race: it {verb} {buffer.unit} {conflict.address} of {buffer.name}, and no token "
            f"orders that after the {other_verb} by {other[0].name} instruction {other[1]}:"
        )
        raise RaceError(self._engine, self._index, self._instruction, what, other)


def _addresses(selection: Selection) -> Int64s:
    if isinstance(selection, Words):
        return selection.addresses
    if isinstance(selection, Run):
        return np.arange(selection.start, selection.start + selection.count)
    assert isinstance(selection, Pixels)
    return np.asarray(
        selection.offset
        + np.arange(selection.rows)[:, None, None] * selection.row_stride
        + np.arange(selection.columns)[:, None] * selection.column_stride
        + np.arange(selection.depth)
    )
