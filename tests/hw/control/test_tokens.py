# SPDX-License-Identifier: Apache-2.0
"""Token counters, and the signals that fill them."""

import random
from collections import deque

import pytest
from amaranth.sim import Simulator

from dpu_hw.control.layouts import ENGINES
from dpu_hw.control.tokens import Signals, Tokens
from dpu_spec.instruction import TOKEN_LIMIT


def simulate(dut, main):
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()


def test_counters_match_a_model():
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut = Tokens()
    counts = [[0] * ENGINES for _ in range(ENGINES)]

    async def main(ctx):
        for cycle in range(400):
            # Mostly filling, then mostly emptying.
            eager = 0.8 if cycle % 200 < 100 else 0.2
            gives = [0] * ENGINES
            takes = [0] * ENGINES
            available = [0] * ENGINES
            full = [0] * ENGINES
            for s in range(ENGINES):
                for w in range(ENGINES):
                    available[w] |= (counts[s][w] > 0) << s
                    full[s] |= (counts[s][w] == TOKEN_LIMIT) << w
                    give = counts[s][w] < TOKEN_LIMIT and source.random() < eager
                    take = counts[s][w] > 0 and source.random() < 1 - eager
                    gives[s] |= give << w
                    takes[w] |= take << s
                    counts[s][w] += give - take
            for e in range(ENGINES):
                assert ctx.get(dut.available[e]) == available[e]
                assert ctx.get(dut.full[e]) == full[e]
                ctx.set(dut.give[e], gives[e])
                ctx.set(dut.take[e], takes[e])
            await ctx.tick()

    simulate(dut, main)


@pytest.mark.parametrize("depth", [1, 2, 16])
def test_signals_are_given_in_order_and_wait_for_full_counters(depth):
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut = Signals(depth=depth)
    masks = [source.randrange(256) for _ in range(60)]

    async def main(ctx):
        sent = finished = 0
        running = deque()
        left = deque()
        blocked = False
        while left or running or sent < len(masks):
            accept = sent < len(masks) and ctx.get(dut.ready) and source.random() < 0.6
            done = bool(running) and source.random() < 0.5
            full = source.randrange(256) if source.random() < 0.5 else 0
            ctx.set(dut.accept, accept)
            ctx.set(dut.mask, masks[sent] if accept else source.randrange(256))
            ctx.set(dut.done, done)
            ctx.set(dut.full, full)
            assert ctx.get(dut.held) == len(running)
            if done:
                left.append(running.popleft() & 63)
            give = ctx.get(dut.give)
            if left:
                assert give == left[0] & ~full
                left[0] &= ~give
                blocked |= left[0] != 0
                if not left[0]:
                    left.popleft()
                    finished += 1
            else:
                assert give == 0
            if accept:
                running.append(masks[sent])
                sent += 1
            await ctx.tick()
        assert finished == len(masks)
        assert blocked

    simulate(dut, main)
