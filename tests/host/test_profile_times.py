# SPDX-License-Identifier: Apache-2.0
"""Whose cycles are whose: fronts, waits, each engine's split, the chain that makes the total."""

import dataclasses
import itertools

import pytest

from dpu_host.profile import Execution, ExecutionError, execute
from dpu_host.profile.rate import cycles_at_full_rate
from dpu_host.profile.waits import chain, splits, tokens, waits
from dpu_spec.instruction import Engine
from tests.host.profiles import by_hand, compiled, estimated, instruction

LOAD, CONV, DRAIN, STORE = Engine.LOAD, Engine.CONV, Engine.DRAIN, Engine.STORE


def pipeline() -> Execution:
    """Two loads, each for a CONV; the second CONV also waits for the first one's DRAIN."""
    return by_hand(
        (
            {
                LOAD: [
                    (instruction(LOAD, signal=[CONV]), (10, 59)),
                    (instruction(LOAD, signal=[CONV]), (20, 79)),
                ],
                CONV: [
                    (instruction(CONV, wait=[LOAD], signal=[DRAIN]), (62, 99)),
                    (instruction(CONV, wait=[LOAD, DRAIN]), (125, 150)),
                ],
                DRAIN: [(instruction(DRAIN, wait=[CONV], signal=[CONV]), (102, 120))],
                STORE: [(instruction(STORE), (130, 140)), (instruction(STORE), (142, 160))],
            },
            170,
        )
    )


def test_an_instruction_is_at_the_front_when_the_one_before_is_complete() -> None:
    fronts = {e: [x.front for x in every] for e, every in pipeline().engines.items()}
    assert fronts[LOAD] == [10, 60]
    assert fronts[CONV] == [62, 125]
    assert fronts[STORE] == [130, 142]


def test_tokens_are_taken_in_the_order_in_which_they_were_given() -> None:
    found = {
        key: [(giver.engine, giver.position) for giver in givers]
        for key, givers in tokens(pipeline()).items()
    }
    assert found == {
        (CONV, 0): [(LOAD, 0)],
        (CONV, 1): [(LOAD, 1), (DRAIN, 0)],
        (DRAIN, 0): [(CONV, 0)],
    }


def test_waits_name_the_last_token_that_came_while_the_engine_was_empty() -> None:
    found = {
        key: (wait.cycles, wait.cause and (wait.cause.engine, wait.cause.position))
        for key, wait in waits(pipeline()).items()
    }
    assert found == {
        (LOAD, 0): (10, None),
        (CONV, 0): (62, (LOAD, 0)),
        (CONV, 1): (25, (DRAIN, 0)),
        (DRAIN, 0): (102, (CONV, 0)),
        (STORE, 0): (130, None),
        (STORE, 1): (1, None),
    }


def test_split_of_each_engine() -> None:
    found = splits(pipeline())
    assert dataclasses.astuple(found[LOAD]) == (70, 10, 90, {})
    assert dataclasses.astuple(found[CONV]) == (38 + 26, 0, 19, {LOAD: 62, DRAIN: 25})
    assert dataclasses.astuple(found[DRAIN]) == (19, 0, 49, {CONV: 102})
    assert dataclasses.astuple(found[STORE]) == (30, 131, 9, {})
    assert dataclasses.astuple(found[Engine.VECTOR]) == (0, 0, 170, {})


def test_chain_goes_back_over_tokens() -> None:
    execution = pipeline()
    # Without the stores, which nothing waits for, the last CONV ends last.
    streams = {
        e: s for e, s in (execution.program.steps[0].streams or {}).items() if e is not STORE
    }
    step = dataclasses.replace(execution.program.steps[0], streams=streams)
    run = dataclasses.replace(execution.runs[0], step=step)
    found = [
        (link.first, link.last, link.owner and (link.owner.engine, link.owner.position))
        for link in chain(execute(execution.program, [run]))
    ]
    assert found == [
        (0, 10, None),
        (10, 60, (LOAD, 0)),
        (60, 62, None),
        (62, 100, (CONV, 0)),
        (100, 102, None),
        (102, 121, (DRAIN, 0)),
        (121, 125, None),
        (125, 151, (CONV, 1)),
        (151, 170, None),
    ]


def test_runs_follow_each_other_and_share_no_tokens() -> None:
    streams = {
        LOAD: [(instruction(LOAD, signal=[CONV]), (5, 20))],
        CONV: [(instruction(CONV, wait=[LOAD]), (22, 40))],
    }
    found = by_hand((streams, 50), (streams, 45))
    assert found.cycles == 95
    assert [each.start for each in found.engines[CONV]] == [22, 72]
    assert tokens(found)[CONV, 1] == [found.engines[LOAD][1]]
    assert waits(found)[CONV, 1].cycles == 22
    assert splits(found)[CONV].waiting == {LOAD: 44}
    links = chain(found)
    assert sum(link.last - link.first for link in links) == 95
    assert [link.owner.position for link in links if link.owner] == [0, 0, 1, 1]


@pytest.mark.parametrize("name", ["tiny", "b128"])
def test_splits_and_chain_of_a_network_add_up_to_its_cycles(name: str) -> None:
    execution = estimated(name).execution
    for engine, split in splits(execution).items():
        assert split.total == execution.cycles
        assert min(split.busy, split.fetch, split.after) >= 0, engine
        full = sum(
            cycles_at_full_rate(each.instruction, execution.program.configuration)
            for each in execution.engines[engine]
        )
        assert full <= split.busy, engine
    links = chain(execution)
    assert links[0].first == 0
    assert links[-1].last == execution.cycles
    assert all(a.last == b.first for a, b in itertools.pairwise(links))


def test_times_of_another_program_are_refused() -> None:
    execution = estimated("b128").execution
    run = execution.runs[0]
    short = {**run.spans, CONV: run.spans[CONV][:-1]}
    count = len(run.spans[CONV])
    message = f"CONV has {count} instructions, but the times of {count - 1}"
    with pytest.raises(ExecutionError, match=message):
        execute(compiled("b128"), [dataclasses.replace(run, spans=short)])


def test_counters_of_runs_add_up() -> None:
    execution = pipeline()
    run = dataclasses.replace(execution.runs[0], counters={CONV: {"busy": 3, "wait_bank": 1}})
    twice = dataclasses.replace(execution, runs=(run, run))
    assert twice.counters() == {CONV: {"busy": 6, "wait_bank": 2}}
    assert execution.counters() == {}
