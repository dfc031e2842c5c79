# SPDX-License-Identifier: Apache-2.0
"""Which words instructions touch, and which are live when."""

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.errors import CapacityError
from dpu_compiler.frontend.tflite import read_bytes
from dpu_host.profile import Executed
from dpu_host.profile.occupancy import occupancy, steps
from dpu_host.profile.words import words_read, words_written
from dpu_sim.emulator import access, run_program
from dpu_sim.emulator.access import Access
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.presets import preset
from dpu_spec.program import Program
from tests.host.profiles import by_hand, compiled, estimated, instruction, zeros
from tests.support.hypothesis_runs import run_seeded
from tests.support.random_network import networks
from tests.support.sketch import Network

#: Words that were read and written, by the id of an instruction.
Touched = dict[int, tuple[set[int], set[int]]]

LOAD, CONV, STORE = Engine.LOAD, Engine.CONV, Engine.STORE


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Touched:
    """Note the scratchpad words that the emulator reads and writes."""
    found: Touched = {}
    # As long as they live, no other has their id.
    keep = []

    def spy(which: int, real):
        def call(self, buffer, selection, *rest):
            if buffer.name == "scratchpad":
                keep.append(self._instruction)
                sets = found.setdefault(id(self._instruction), (set(), set()))
                sets[which].update(access._addresses(selection).reshape(-1).tolist())
            return real(self, buffer, selection, *rest)

        return call

    monkeypatch.setattr(Access, "read", spy(0, Access.read))
    monkeypatch.setattr(Access, "write", spy(1, Access.write))
    return found


def check_words(program: Program, inputs: dict[int, np.ndarray], touched: Touched) -> set[str]:
    """Hold the words of each instruction against those that the emulator touches.

    Return the names of the formats that occurred.
    """
    executed: list[Instruction] = []
    run_program(program, inputs, observer=lambda e, i, each, w: executed.append(each))
    lanes = program.configuration.lanes
    for each in executed:
        reads, writes = touched.get(id(each), (set(), set()))
        assert set(words_read(each, lanes).tolist()) == reads, repr(each)
        found = words_written(each, lanes).tolist()
        assert len(found) == len(set(found)), repr(each)
        assert set(found) == writes, repr(each)
    return {each.format.name for each in executed}


@pytest.mark.parametrize("name", ["tiny", "b128", "b256"])
def test_words_are_those_that_the_emulator_touches(name: str, touched: Touched) -> None:
    program = compiled(name)
    formats = check_words(program, zeros(program), touched)
    assert {"LOAD", "CONV", "CONV_PATCH", "DRAIN", "DEPTHWISE", "STORE"} <= formats


def test_words_of_random_networks(touched: Touched) -> None:
    formats: set[str] = set()

    def check(network: Network) -> None:
        try:
            program = compile_graph(read_bytes(network.model, source="network"), preset("tiny"))
        except CapacityError:
            return
        formats.update(check_words(program, network.feeds, touched))

    run_seeded(check, networks(), seed_number=11, count=40)
    assert {"CONV", "DEPTHWISE", "ADD", "MULTIPLY", "ACCUMULATE", "MAXIMUM", "TABLE"} <= formats


def test_steps_sum_changes_up() -> None:
    found = steps([(10, 4), (20, -4), (15, 2), (20, 3), (30, -5), (12, 0)])
    assert found.times == [10, 15, 20, 30]
    assert found.words == [4, 6, 5, 0]
    assert found.peak == 6


def test_a_word_is_live_from_its_write_to_its_last_read() -> None:
    # Two words are loaded, read twice; one is loaded again and stored; one is never read.
    view = {"ring_start": 0, "ring_words": 8, "depth": 8}
    first = instruction(LOAD, columns=2, row_bytes=16, **view)
    again = instruction(LOAD, address=1, row_bytes=8, **view)
    unread = instruction(LOAD, address=5, row_bytes=8, **view)
    conv = instruction(CONV, columns=2, width=2, stride_x=1, ring_words=8)
    store = instruction(STORE, address=1, row_bytes=8, ring_start=0, ring_words=8, depth=8)
    found = occupancy(
        by_hand(
            (
                {
                    LOAD: [(first, (10, 19)), (again, (60, 69)), (unread, (70, 79))],
                    CONV: [(conv, (20, 29)), (conv, (30, 39))],
                    STORE: [(store, (80, 89))],
                },
                100,
            )
        )
    )
    assert list(found.maps) == [(-1, 0)]
    assert list(zip(found.live.times, found.live.words, strict=True)) == [
        *[(10, 2), (40, 0), (60, 1), (70, 2), (80, 1), (90, 0)],
    ]
    assert list(zip(found.reserved.times, found.reserved.words, strict=True)) == [(10, 8), (90, 0)]
    assert found.live.peak == 2


@pytest.mark.parametrize("name", ["tiny", "b128"])
def test_live_words_of_a_network_are_those_of_a_naive_count(name: str) -> None:
    execution = estimated(name).execution
    configuration = execution.program.configuration
    events: dict[int, list[tuple[bool, Executed]]] = {}
    for each in execution.by_start():
        for word in set(words_read(each.instruction, configuration.lanes).tolist()):
            events.setdefault(word, []).append((False, each))
        for word in words_written(each.instruction, configuration.lanes).tolist():
            events.setdefault(word, []).append((True, each))
    live = np.zeros(execution.cycles + 2, np.int64)
    for mine in events.values():
        life: list[int] = []
        for writes, each in mine:
            if not writes:
                life[1] = max(life[1], each.end + 1)
                continue
            if life:
                live[life[0] : life[1]] += 1
            life = [each.start, each.end + 1]
        live[life[0] : life[1]] += 1
    found = occupancy(execution)
    counted = np.zeros_like(live)
    for mine in found.maps.values():
        for time, words, until in zip(
            mine.times, mine.words, [*mine.times[1:], len(live)], strict=True
        ):
            counted[time:until] += words
    np.testing.assert_array_equal(counted, live)
    assert found.live.peak == live.max()
    assert found.live.words[-1] == 0
    assert found.reserved.words[-1] == 0
    assert found.live.peak <= found.reserved.peak <= configuration.scratchpad_words
