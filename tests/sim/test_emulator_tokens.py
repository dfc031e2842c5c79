# SPDX-License-Identifier: Apache-2.0
"""Order by tokens: waiting, full counters, deadlocks."""

import pytest

from dpu_sim.emulator import DeadlockError
from dpu_spec.instruction import TOKEN_LIMIT, Engine
from tests.sim.small_machine import (
    bit,
    empty_machine,
    full_machine,
    load,
    store,
    streams,
    vector,
)

LOAD, CONV, DRAIN, DEPTHWISE, VECTOR, STORE = Engine


@pytest.fixture
def full():
    return full_machine()


def test_tokens_order_the_engines():
    order = []
    machine = empty_machine(observer=lambda engine, index, *_: order.append((engine, index)))
    machine.run(
        streams(
            store(wait=bit(VECTOR)),
            vector(address=1, out_address=4100, wait=bit(LOAD), signal=bit(STORE, LOAD)),
            load(address=1),
            load(address=2, signal=bit(VECTOR)),
            load(address=3, wait=bit(VECTOR)),
        )
        | {STORE: [store(address=4100, ring_start=4096, wait=bit(VECTOR))]}
    )
    assert order == [(LOAD, 0), (LOAD, 1), (VECTOR, 0), (STORE, 0), (LOAD, 2)] or order == [
        (LOAD, 0),
        (LOAD, 1),
        (VECTOR, 0),
        (LOAD, 2),
        (STORE, 0),
    ]


def test_each_wait_takes_one_token(full):
    with pytest.raises(DeadlockError, match="STORE instruction 1 lacks a token of VECTOR"):
        full.run(streams(vector(signal=bit(STORE)), *[store(wait=bit(VECTOR))] * 2))


def test_tokens_dont_outlive_a_run(full):
    full.run(streams(vector(signal=bit(STORE))))
    with pytest.raises(DeadlockError):
        full.run(streams(store(wait=bit(VECTOR))))


def test_a_deadlock_names_every_blocked_engine(full):
    program = streams(
        vector(),
        vector(wait=bit(STORE, DRAIN), signal=bit(STORE)),
        store(wait=bit(VECTOR, 6), signal=bit(VECTOR)),
        load(address=32),
    )
    with pytest.raises(DeadlockError) as caught:
        full.run(program)
    text = str(caught.value)
    assert "VECTOR instruction 1 lacks a token of DRAIN, STORE\n  MAXIMUM wait=36" in text
    assert "STORE instruction 0 lacks a token of VECTOR, engine 6\n  STORE wait=80" in text
    assert "LOAD" not in text


def test_a_full_counter_blocks_the_signaller(full):
    signals = [vector(signal=bit(STORE))] * (TOKEN_LIMIT + 1)
    full.run({VECTOR: signals[:TOKEN_LIMIT]})
    with pytest.raises(DeadlockError) as caught:
        full.run({VECTOR: signals})
    what = f"VECTOR instruction {TOKEN_LIMIT} waits to signal STORE: {TOKEN_LIMIT} tokens lie"
    assert what in str(caught.value)


def test_a_full_counter_goes_on_when_a_token_is_taken(full):
    signals = [vector(signal=bit(STORE))] * (TOKEN_LIMIT + 1)
    for order in ((VECTOR, STORE), (STORE, VECTOR)):
        program = {VECTOR: signals, STORE: [store(wait=bit(VECTOR))]}
        done = full.run({engine: program[engine] for engine in order})
        assert done.instructions == {VECTOR: TOKEN_LIMIT + 1, STORE: 1}


def test_a_full_counter_holds_back_only_its_own_signal(full):
    # The last signal to STORE waits, the one to LOAD in the same instruction doesn't.
    signals = [vector(signal=bit(STORE))] * TOKEN_LIMIT + [vector(signal=bit(STORE, LOAD))]
    program = {
        VECTOR: signals,
        LOAD: [load(address=32, wait=bit(VECTOR), signal=bit(STORE))],
        STORE: [store(wait=bit(LOAD)), store(wait=bit(VECTOR))],
    }
    full.run(program)
