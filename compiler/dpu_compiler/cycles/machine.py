# SPDX-License-Identifier: Apache-2.0
"""All engines together: ``dpu_hw.machine``, with the dispatcher and its tokens."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Mapping, Sequence

from dpu_compiler.cycles.array import ConvTiming
from dpu_compiler.cycles.banks import SlowStreams
from dpu_compiler.cycles.depthwise import DepthwiseTiming
from dpu_compiler.cycles.drain import DrainTiming
from dpu_compiler.cycles.engine import EngineTiming, Values
from dpu_compiler.cycles.fetch import ENGINES, Fetch
from dpu_compiler.cycles.load import LoadTiming
from dpu_compiler.cycles.memory import BENCHMARK, Memory
from dpu_compiler.cycles.read_port import ReadPort
from dpu_compiler.cycles.store import StoreTiming
from dpu_compiler.cycles.vector import VectorTiming
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import INSTRUCTION_BYTES, TARGET_TABLE

#: From the last instruction's end to the run's: the end is believed when it has lasted
#: (``control.supervisor``).
END = 6

#: Instructions that an engine accepts ahead at most (``control.dispatch``).
_HELD = 16
#: From an instruction's last beat into its queue to when it can be chosen for its decoder.
_CHOOSABLE = 2
#: From the transfer of an instruction to when the next one can be chosen.
_ROOM = 3
#: From its last beat out of the queue to where it waits for tokens: the memory, a register, the
#: decoder's two cycles.
_DECODE = 4
#: From the last token to the transfer.
_GRANT = 1
#: The vector unit prepares addresses before it takes an instruction (``vector.decoder``).
_PREPARE = {Engine.VECTOR: 2}


@dataclasses.dataclass(frozen=True)
class Timing:
    """When an instruction starts and when it is done, in cycles after the start bit."""

    start: int
    end: int


# Kinds of events, in the order in which those of a cycle are handled.
_DONE, _ARRIVED, _FREED, _NOTED, _FETCH, _BURST, _BUS, _TABLES, _PORT = range(9)


class Machine:
    """A run of the DPU.

    Events are handled in the order of time. What an engine does with an instruction follows from
    the cycle in which it takes it, but for loads, whose bursts share the bus with the fetch.
    """

    def __init__(
        self,
        streams: Mapping[Engine, Sequence[Instruction]],
        configuration: Configuration,
        offsets: Mapping[Engine, int],
        memory: Memory = BENCHMARK,
    ) -> None:
        self._memory = memory
        self._streams: list[list[Values]] = [
            [instruction.values for instruction in streams.get(engine, ())] for engine in Engine
        ]
        self._beats = [INSTRUCTION_BYTES[e] // configuration.axi_bytes for e in Engine]
        self._queue = configuration.instruction_queue
        self._events: list[tuple[int, int, int]] = []
        reads, writes = SlowStreams(configuration), SlowStreams(configuration)
        counts = {engine: len(self._streams[engine]) for engine in Engine}
        self._fetch = Fetch(configuration, memory, counts, offsets)
        self._load = LoadTiming(configuration, memory, writes)
        self._bus = ReadPort(configuration, memory, self._fetch.cut, self._load.cut)
        self._vector = VectorTiming(configuration, reads, writes)
        self._engines: dict[int, EngineTiming] = {
            Engine.CONV: ConvTiming(configuration),
            Engine.DRAIN: DrainTiming(configuration, writes),
            Engine.DEPTHWISE: DepthwiseTiming(configuration, writes),
            Engine.VECTOR: self._vector,
            Engine.STORE: StoreTiming(configuration, memory, reads),
        }
        # Of each engine: instructions in its queue, when its decoder has room, when the next
        # instruction is decoded, how many were taken.
        self._level = [0] * ENGINES
        self._room: list[int | None] = [0] * ENGINES
        self._decoded: list[int | None] = [None] * ENGINES
        self._starts: list[list[int]] = [[] for _ in range(ENGINES)]
        self._ends: list[list[int]] = [[] for _ in range(ENGINES)]
        # When the queues' memory can be read next, and whose instruction was read last.
        self._port, self._chosen = 0, 0
        #: Cycles of tokens that were given, by signaller and waiter, and how many were taken.
        self._given: list[list[int]] = [[] for _ in range(ENGINES * ENGINES)]
        self._taken = [0] * (ENGINES * ENGINES)
        # When a burst is asked for next; whether one is waited for.
        self._asks: int | None = None
        self._waits = False

    def run(self) -> dict[Engine, list[Timing]]:
        """Run; return the timing of each instruction, of as many as don't wait for ever."""
        self._push(1, _FETCH, 0)
        events = self._events
        handlers = (
            self._done,
            self._arrived,
            self._freed,
            self._noted,
            self._choose_fetch,
            self._burst,
            self._choose_burst,
            self._tables,
            self._choose_instruction,
        )
        while events:
            cycle, kind, engine = heapq.heappop(events)
            handlers[kind](cycle, engine)
        return {
            engine: [
                Timing(start, end)
                for start, end in zip(self._starts[engine], self._ends[engine], strict=False)
            ]
            for engine in Engine
        }

    def _push(self, cycle: int, kind: int, engine: int) -> None:
        heapq.heappush(self._events, (cycle, kind, engine))

    # Instructions on their way to the engines

    def _choose_fetch(self, cycle: int, _: int) -> None:
        fetch = self._fetch
        if fetch.choice is None or cycle < fetch.choice or not fetch.choose(cycle):
            return
        self._proceed_fetch()

    def _proceed_fetch(self) -> None:
        fetch = self._fetch
        fetch.proceed()
        if fetch.choice is not None:
            self._push(fetch.choice, _FETCH, 0)
        self._ask()

    def _freed(self, cycle: int, engine: int) -> None:
        self._fetch.free(engine)
        self._choose_fetch(cycle, 0)

    def _noted(self, cycle: int, _: int) -> None:
        self._fetch.noted()
        self._choose_fetch(cycle, 0)

    def _arrived(self, cycle: int, engine: int) -> None:
        self._level[engine] += 1
        self._choose_instruction(cycle, 0)

    def _choose_instruction(self, cycle: int, _: int) -> None:
        """Choose an instruction that leaves its queue for its decoder."""
        ready = [
            e
            for e in range(ENGINES)
            if self._level[e] and (room := self._room[e]) is not None and room <= cycle
        ]
        if not ready:
            return
        if cycle < self._port:
            self._push(self._port, _PORT, 0)
            return
        engine = min(ready, key=lambda e: (e - self._chosen - 1) % ENGINES)
        self._chosen = engine
        self._level[engine] -= 1
        self._room[engine] = None
        self._port = cycle + self._beats[engine]
        self._push(self._port + 1, _FREED, engine)
        if len(ready) > 1:
            self._push(self._port, _PORT, 0)
        self._decoded[engine] = self._port + _DECODE
        self._grant(engine)

    def _grant(self, engine: int) -> None:
        """Let an engine take its next instruction, if that and its tokens are there."""
        at = self._decoded[engine]
        if at is None:
            return
        index = len(self._starts[engine])
        values = self._streams[engine][index]
        wait = values["wait"]
        pairs = [other * ENGINES + engine for other in range(ENGINES) if wait >> other & 1]
        for pair in pairs:
            if len(self._given[pair]) <= self._taken[pair]:
                return
            at = max(at, self._given[pair][self._taken[pair]])
        if index >= _HELD:
            ends = self._ends[engine]
            if len(ends) <= index - _HELD:
                return
            at = max(at, ends[index - _HELD] + 1)
        model = self._load if engine == Engine.LOAD else self._engines[engine]
        if model.ready is None:
            return
        for pair in pairs:
            self._taken[pair] += 1
        taken = max(at + _GRANT + _PREPARE.get(Engine(engine), 0), model.ready)
        self._starts[engine].append(taken + 1)
        self._decoded[engine] = None
        self._room[engine] = taken + _ROOM
        self._push(taken + _ROOM, _PORT, 0)
        if engine == Engine.LOAD:
            self._load.take(values, taken)
            self._ask()
        elif engine == Engine.VECTOR and (complete := self._vector.waits(values, taken)):
            # What is loaded until then may put it off.
            self._vector.ready = None
            self._push(complete, _TABLES, 0)
        else:
            self._end(engine, self._engines[engine].run(values, taken))

    def _tables(self, cycle: int, _: int) -> None:
        """Let the vector unit's latest instruction begin if its tables are complete."""
        index = len(self._ends[Engine.VECTOR])
        values, taken = self._streams[Engine.VECTOR][index], self._starts[Engine.VECTOR][index] - 1
        complete = self._vector.waits(values, taken)
        if complete is not None and complete > cycle:
            self._push(complete, _TABLES, 0)
            return
        self._end(Engine.VECTOR, self._vector.run(values, taken))
        self._grant(Engine.VECTOR)

    def _end(self, engine: int, cycle: int) -> None:
        ends = self._ends[engine]
        # One pulse for each instruction.
        cycle = max(cycle, ends[-1] + 1) if ends else cycle
        ends.append(cycle)
        self._push(cycle, _DONE, engine * (1 << 32) + len(ends) - 1)

    def _done(self, cycle: int, which: int) -> None:
        """Give the tokens of an instruction that is done."""
        engine, index = which >> 32, which & 0xFFFFFFFF
        signal = self._streams[engine][index]["signal"]
        for other in range(ENGINES):
            if signal >> other & 1:
                self._given[engine * ENGINES + other].append(cycle + 1)
                self._grant(other)
        self._grant(engine)

    # The bus

    def _ask(self) -> None:
        """Look again at what is asked for next."""
        found = self._bus.next()
        if found is not None and (self._asks is None or found[0] < self._asks):
            self._asks = found[0]
            self._push(found[0], _BUS, 0)

    def _choose_burst(self, cycle: int, _: int) -> None:
        if self._asks != cycle:
            return
        self._asks = None
        found = self._bus.next()
        if found is not None and found[0] <= cycle:
            self._bus.ask(cycle, found[1])
            if found[1]:
                self._load.proceed()
                self._grant(Engine.LOAD)
            elif self._fetch.choice is None:
                self._proceed_fetch()
            self._wait()
        self._ask()

    def _wait(self) -> None:
        """Wait for the next burst's first beat."""
        if not self._waits and (begins := self._bus.begins()) is not None:
            self._waits = True
            self._push(begins, _BURST, 0)

    def _burst(self, cycle: int, _: int) -> None:
        """Take the beats of a burst from its first one on."""
        beats, of_load = self._bus.begin()
        if of_load:
            last, values, begins, end = self._load.burst(cycle, beats)
            self._bus.came(beats, cycle, last, True)
            if begins is not None and values["target"] == TARGET_TABLE:
                self._vector.tables.load(values, begins)
            if end is not None:
                self._end(Engine.LOAD, end)
                self._grant(Engine.LOAD)
        else:
            # Beats of loads that wait for their words are in the way.
            cycle = max(cycle, self._load.left)
            last = cycle + (beats - 1) * self._memory.beat_cycles
            self._bus.came(beats, cycle, last, False)
            engine, whole, ends = self._fetch.burst(cycle, beats)
            for at in whole:
                self._push(at + _CHOOSABLE, _ARRIVED, engine)
            if ends:
                self._push(whole[-1] + 1, _NOTED, 0)
        self._waits = False
        self._wait()
        self._ask()
