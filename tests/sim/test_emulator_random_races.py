# SPDX-License-Identifier: Apache-2.0
"""Random programs against the transitive closure of their order."""

import itertools
import random

import pytest

from dpu_sim.emulator import RaceError
from dpu_spec import isa
from dpu_spec.instruction import Engine
from tests.sim.small_machine import (
    LANES,
    bit,
    empty_machine,
    load,
    store,
    streams,
    vector,
)

LOAD, CONV, DRAIN, DEPTHWISE, VECTOR, STORE = Engine


def random_program(rng):
    """Instructions of three engines on four words, in an order in which they can be executed."""
    order = []
    tokens = {}
    for _ in range(rng.randint(2, 9)):
        engine = rng.choice((LOAD, VECTOR, STORE))
        a, b = rng.randrange(4), rng.randrange(4)
        if engine is LOAD:
            i = load(address=a, dram_offset=4 * b, window=isa.WINDOW_INPUT)
            access = {("s", a): "w", ("d", b): "r"}
        elif engine is STORE:
            i = store(address=a, dram_offset=4 * b, window=isa.WINDOW_INPUT)
            access = {("s", a): "r", ("d", b): "w"}
        else:
            i = vector(address=a, out_address=b, out_ring_start=0)
            access = {("s", a): "r"} | {("s", b): "rw" if a == b else "w"}
        taken = []
        for other in (LOAD, VECTOR, STORE):
            queue = tokens.setdefault((other, engine), [])
            if queue and rng.random() < 0.6:
                i.wait |= bit(other)
                taken.append(queue.pop(0))
        for other in (LOAD, VECTOR, STORE):
            if rng.random() < 0.35:
                i.signal |= bit(other)
                tokens.setdefault((engine, other), []).append(len(order))
        order.append((i, access, taken))
    return order


def has_race(order):
    """Decide by the transitive closure of the order between reads and writes."""
    after = {}
    for n, (i, _, taken) in enumerate(order):
        before = next((m for m in reversed(range(n)) if order[m][0].engine is i.engine), None)
        read = set()
        for m in taken:
            read |= after["w", m] | {("w", m)}
        if before is not None:
            read |= after["r", before] | {("r", before)}
        write = read | {("r", n)}
        if before is not None:
            write |= after["w", before] | {("w", before)}
        after["r", n], after["w", n] = read, write
    for (n, (_, one, _)), (m, (_, two, _)) in itertools.combinations(enumerate(order), 2):
        for word in one.keys() & two.keys():
            for x, y in itertools.product(one[word], two[word]):
                if "w" in x + y and (x, n) not in after[y, m]:
                    return True
    return False


@pytest.mark.parametrize("seed", range(300))
def test_random_races(seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    order = random_program(rng)
    expected = has_race(order)
    for engines in itertools.permutations((LOAD, VECTOR, STORE)):
        machine = empty_machine()
        machine.run({LOAD: [load(columns=8, row_bytes=8 * LANES)]})
        program = streams(*(i for i, _, _ in order))
        raced = None
        try:
            machine.run({engine: program.get(engine, []) for engine in engines})
        except RaceError as error:
            raced = error
        assert (raced is not None) == expected, [i for i, _, _ in order]


def test_the_random_programs_are_of_both_kinds():
    found = [has_race(random_program(random.Random(seed))) for seed in range(300)]
    assert 60 < sum(found) < 240
