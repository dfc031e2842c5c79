# SPDX-License-Identifier: Apache-2.0
"""The machine: engines that run their streams, ordered by tokens only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dpu_spec.configuration import Configuration
from dpu_spec.instruction import TOKEN_LIMIT, Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES, WINDOW_NAMES, formats_of

from .access import Access, History, Writes
from .address import Values
from .errors import DeadlockError, FieldError
from .execute_conv import conv, conv_patch, drain
from .execute_depthwise import depthwise
from .execute_dma import load, store
from .execute_vector import accumulate, add, maximum, multiply, table
from .memory import Bytes, Memory, Run
from .races import Clocks, Int64s
from .statistics import RunStatistics
from .tokens import Tokens, engine_name, slots

#: Called after each instruction: engine, index in the run's stream, instruction, what it wrote.
Observer = Callable[[Engine, int, Instruction, Writes], None]

_EXECUTORS: dict[str, Callable[[Access, Values], None]] = {
    "LOAD": load,
    "STORE": store,
    "CONV": conv,
    "CONV_PATCH": conv_patch,
    "DRAIN": drain,
    "DEPTHWISE": depthwise,
    "ADD": add,
    "MULTIPLY": multiply,
    "ACCUMULATE": accumulate,
    "MAXIMUM": maximum,
    "TABLE": table,
}


@dataclasses.dataclass
class _Stream:
    """One engine's way through its instructions."""

    engine: Engine
    instructions: Sequence[Instruction]
    next: int = 0
    #: Signals of the last instruction that wait for room in their counters.
    signals: int = 0
    knowledge: Int64s = dataclasses.field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def ended(self) -> bool:
        return self.next == len(self.instructions) and not self.signals


class Machine:
    """A DPU of some configuration.

    Parameters
    ----------
    configuration
        Its sizes.
    check
        Check every access: fields, words never written, races. (Addresses out of range are always
        errors.)
    observer
        Called after each instruction with the words that it wrote.

    Buffers and windows keep their contents from run to run.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        check: bool = True,
        observer: Observer | None = None,
    ) -> None:
        self.configuration = configuration
        self._formats = {format.name for format in formats_of(configuration)}
        self._memory = Memory(configuration, check=check)
        self._clocks = Clocks()
        self._history = History()
        self._check = check
        self._observer = observer

    def window(self, index: int, data: bytes | bytearray | Bytes | int) -> Bytes:
        """Open a DRAM window; return its bytes.

        A writable array of bytes is used in place. A number opens a window of that size that nobody
        has written yet.
        """
        if isinstance(data, int):
            content, written = np.zeros(data, np.uint8), False
        elif isinstance(data, np.ndarray):
            content, written = data.view(np.uint8).reshape(-1), True
        else:
            content, written = np.frombuffer(data, np.uint8), True
        if not content.flags.writeable:
            content = content.copy()
        self._memory.open_window(index, WINDOW_NAMES[index], content, written=written)
        return content

    def write(self, window: int, offset: int, data: bytes) -> None:
        """Write bytes into a window as the host does, between two runs."""
        buffer = self._memory.windows[window]
        selection = Run(offset, len(data))
        selection.put(buffer.data, np.frombuffer(data, np.uint8))
        if buffer.tracker is not None:
            buffer.tracker.host_wrote(selection)

    def read(self, window: int, offset: int, size: int) -> bytes:
        """Read bytes of a window as the host does, between two runs."""
        return self._memory.windows[window].data[offset : offset + size].tobytes()

    def run(self, streams: Mapping[Engine, Sequence[Instruction]]) -> RunStatistics:
        """Execute one instruction stream an engine until all have ended.

        Engines get their turns in the order of ``streams``; the result of a program without races
        doesn't depend on it, and neither does whether there is a race.

        Raise :exc:`DeadlockError` when no engine can go on, or the first fault of an instruction.
        """
        statistics = RunStatistics()
        access = Access(
            self._memory, self.configuration, statistics, self._history, check=self._check
        )
        access.keep_writes = self._observer is not None
        tokens = Tokens()
        self._clocks.join_all()
        running = [_Stream(engine, stream) for engine, stream in streams.items() if stream]
        progress = True
        while progress:
            progress = False
            for stream in running:
                while self._advance(stream, tokens, access):
                    progress = True
            running = [stream for stream in running if not stream.ended]
        if running:
            raise DeadlockError(
                "deadlock: no engine can go on.\n"
                + "\n".join(_blocked(stream, tokens) for stream in running)
            )
        return statistics

    def _advance(self, stream: _Stream, tokens: Tokens, access: Access) -> bool:
        """Deliver waiting signals or execute an instruction; tell whether anything happened."""
        engine = stream.engine
        if stream.signals:
            left = tokens.give(engine, stream.signals, stream.knowledge)
            moved = left != stream.signals
            stream.signals = left
            return moved
        if stream.next == len(stream.instructions):
            return False
        instruction = stream.instructions[stream.next]
        if tokens.missing(engine, instruction.wait):
            return False
        index = stream.next
        if instruction.engine is not engine:
            raise FieldError(engine, index, instruction, "is not one of this engine's.")
        if instruction.format.name not in self._formats:
            raise FieldError(engine, index, instruction, "is none that the configuration has.")
        stream.next += 1
        self._history.add(engine, index, instruction)
        epoch = self._clocks.start(engine, tokens.take(engine, instruction.wait))
        access.begin(engine, index, instruction, epoch, self._clocks)
        _EXECUTORS[instruction.format.name](access, instruction.values)
        access.statistics.instructions[engine] = index + 1
        access.statistics.instruction_bytes += INSTRUCTION_BYTES[engine]
        if self._observer is not None:
            self._observer(engine, index, instruction, access.writes)
        if instruction.signal:
            stream.knowledge = self._clocks.token(engine)
            stream.signals = tokens.give(engine, instruction.signal, stream.knowledge)
        return True


def _blocked(stream: _Stream, tokens: Tokens) -> str:
    """Say why a stream doesn't go on."""
    if stream.signals:
        index = stream.next - 1
        waiters = ", ".join(engine_name(slot) for slot in slots(stream.signals))
        why = f"waits to signal {waiters}: {TOKEN_LIMIT} tokens lie there already"
    else:
        index = stream.next
        lacking = tokens.missing(stream.engine, stream.instructions[index].wait)
        why = f"lacks a token of {', '.join(engine_name(slot) for slot in lacking)}"
    return f"{stream.engine.name} instruction {index} {why}\n  {stream.instructions[index]!r}"
