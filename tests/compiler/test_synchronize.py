# SPDX-License-Identifier: Apache-2.0
"""Tokens: every conflict is ordered, and no token is more than needed."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from dpu_compiler.issue import Access, Buffer, Issue, span
from dpu_compiler.synchronize import Synchronizer
from dpu_spec.instruction import TOKEN_LIMIT, Engine, Instruction
from dpu_spec.isa import BY_NAME
from dpu_spec.presets import preset
from dpu_spec.program import Mark

FORMATS = {
    Engine.LOAD: BY_NAME["LOAD"],
    Engine.CONV: BY_NAME["CONV"],
    Engine.DRAIN: BY_NAME["DRAIN"],
    Engine.DEPTHWISE: BY_NAME["DEPTHWISE"],
    Engine.VECTOR: BY_NAME["ADD"],
    Engine.STORE: BY_NAME["STORE"],
}


def issue(engine, reads=(), writes=()):
    def accesses(parts):
        return [span(Buffer.SCRATCHPAD, start, count) for start, count in parts]

    return Issue(Instruction(FORMATS[engine], {}), accesses(reads), accesses(writes), Mark(0))


def synchronized(*issues):
    synchronizer = Synchronizer(preset("tiny"), {Buffer.ARENA: 64, Buffer.OUTPUT: 64})
    for one in issues:
        synchronizer.add(one)
    return synchronizer


def token_edges(synchronizer):
    """(signaller, waiter) instructions: the nth signal between two engines is for the nth wait."""
    edges = []
    for a, b in itertools.product(Engine, Engine):
        given = [i for i in synchronizer.streams[a] if i.instruction.signal >> b & 1]
        taken = [i for i in synchronizer.streams[b] if i.instruction.wait >> a & 1]
        assert len(given) == len(taken)
        edges += zip(given, taken, strict=True)
    return edges


class Order:
    """What follows from engine order and tokens, on the starts and ends of all instructions."""

    def __init__(self, issues, edges):
        number = {id(one): n for n, one in enumerate(issues)}
        size = 2 * len(issues)
        reach = np.eye(size, dtype=bool)
        last = {}
        for n, one in enumerate(issues):
            reach[2 * n, 2 * n + 1] = True
            engine = one.instruction.engine
            if engine in last:
                reach[2 * last[engine], 2 * n] = True
                reach[2 * last[engine] + 1, 2 * n + 1] = True
            last[engine] = n
        for a, b in edges:
            reach[2 * number[id(a)] + 1, 2 * number[id(b)]] = True
        for middle in range(size):
            reach |= reach[:, middle, None] & reach[None, middle, :]
        self.reach = reach

    def before(self, p, q):
        """Whether instruction p has ended before q starts."""
        return self.reach[2 * p + 1, 2 * q]


def conflicts(issues):
    """Pairs that must be ordered: one writes what the other reads or writes."""
    places = [
        tuple(
            {int(a) for access in side for a in access.addresses}
            for side in (one.reads, one.writes)
        )
        for one in issues
    ]
    for p, q in itertools.combinations(range(len(issues)), 2):
        same = issues[p].instruction.engine is issues[q].instruction.engine
        read_after_write = places[p][1] & places[q][0]
        others = places[p][0] & places[q][1] or places[p][1] & places[q][1]
        # An engine's writes are in order, and so are its reads before its later writes.
        if read_after_write or (others and not same):
            yield p, q


def random_issues(rng, count):
    issues = []
    for _ in range(count):
        parts = [
            [(int(rng.integers(0, 20)), int(rng.integers(1, 4))) for _ in range(rng.integers(0, 3))]
            for _ in range(2)
        ]
        issues.append(issue(Engine(int(rng.integers(0, 6))), *parts))
    return issues


@pytest.mark.parametrize("seed", range(30))
def test_conflicts_are_ordered_by_as_few_tokens_as_can_be(seed):
    issues = random_issues(np.random.default_rng(seed), 25)
    edges = token_edges(synchronized(*issues))
    order = Order(issues, edges)
    wanted = list(conflicts(issues))
    for p, q in wanted:
        assert order.before(p, q), (p, q)
    for edge in edges:
        without = Order(issues, [other for other in edges if other is not edge])
        assert not all(without.before(p, q) for p, q in wanted)


@pytest.mark.parametrize("reader", [Engine.VECTOR, Engine.LOAD, Engine.DEPTHWISE])
@pytest.mark.parametrize("idle", [0, 1])
def test_counters_never_overflow(reader, idle):
    """Many instructions whose readers all come after the last: tokens would pile up."""
    count = 150
    issues = [issue(Engine.LOAD, writes=[(n, 1)]) for n in range(count)]
    issues += [issue(Engine.LOAD, writes=[(1000, 1)]) for _ in range(idle)]
    issues += [issue(reader, reads=[(n, 1)], writes=[(2000 + n, 1)]) for n in range(count)]
    edges = token_edges(synchronized(*issues))
    number = {id(one): n for n, one in enumerate(issues)}
    for point in range(len(issues)):
        lying = sum(number[id(a)] <= point < number[id(b)] for a, b in edges)
        assert lying <= TOKEN_LIMIT
    assert len(edges) == TOKEN_LIMIT
    order = Order(issues, edges)
    assert all(order.before(p, q) for p, q in conflicts(issues))


def test_a_chain_needs_one_token_a_link():
    a = issue(Engine.LOAD, writes=[(0, 4)])
    b = issue(Engine.VECTOR, reads=[(0, 4)], writes=[(4, 4)])
    c = issue(Engine.STORE, reads=[(0, 8)])
    edges = token_edges(synchronized(a, b, c))
    # The store waits for the vector unit, which had waited for the load.
    assert edges == [(a, b), (b, c)]


def test_engines_that_share_nothing_need_no_tokens():
    assert not token_edges(
        synchronized(
            issue(Engine.LOAD, writes=[(0, 4)]),
            issue(Engine.VECTOR, reads=[(8, 4)], writes=[(12, 4)]),
            issue(Engine.LOAD, writes=[(0, 4)]),
        )
    )


def test_an_engine_waits_for_itself_only_to_read_what_it_wrote():
    a = issue(Engine.VECTOR, reads=[(0, 4)], writes=[(4, 4)])
    b = issue(Engine.VECTOR, reads=[(8, 4)], writes=[(0, 8)])
    c = issue(Engine.VECTOR, reads=[(2, 1)])
    assert token_edges(synchronized(a, b)) == []
    fresh = [SimpleNamespace(**vars(one)) for one in (a, b, c)]
    assert token_edges(synchronized(*fresh)) == [(fresh[1], fresh[2])]


def test_the_latest_reader_counts_for_a_writer():
    a = issue(Engine.VECTOR, reads=[(0, 4)])
    b = issue(Engine.VECTOR, reads=[(2, 4)])
    c = issue(Engine.LOAD, writes=[(0, 8)])
    assert token_edges(synchronized(a, b, c)) == [(b, c)]


def test_buffers_are_told_apart():
    a = issue(Engine.LOAD, writes=[(0, 4)])
    b = issue(Engine.CONV)
    b.reads.append(Access(Buffer.WEIGHTS, np.arange(4)))
    assert not token_edges(synchronized(a, b))
