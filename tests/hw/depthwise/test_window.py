# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""Sums of windows against plain loops, whatever comes late: a column, weights, context, or room."""

import random

import pytest
from amaranth.sim import Simulator

from dpu_hw.depthwise.column_parts import ColumnParts
from dpu_hw.depthwise.window import Window
from tests.hw.depthwise.streams import receive, send

LANES = 4
#: Columns of a pixel that its neighbour in the row doesn't have: with stride 1, 2, and above.
NEW_COLUMNS = (1, 2, 3)


def signed_byte(rng):
    return rng.randint(-128, 127)


def instruction(rng, *, rows, columns, blocks, new):
    """Return an instruction's context, its blocks' weights, its columns, and the sums to expect."""
    lane_map = [rng.randrange(LANES) for _ in range(LANES)]
    context = {"zero_point": signed_byte(rng), "lane_map": lane_map}
    weights, sent, sums = [], [], []
    for block in range(blocks):
        weights.append([[signed_byte(rng) for _ in range(LANES)] for _ in range(9)])
        for row in range(rows):
            window = []
            for column in range((columns - 1) * new + 3):
                words = [[signed_byte(rng) for _ in range(LANES)] for _ in range(3)]
                inside = rng.choice((0b111, 0b111, rng.getrandbits(3)))
                seen = [
                    word if inside >> k & 1 else [context["zero_point"]] * LANES
                    for k, word in enumerate(words)
                ]
                window.append([[word[lane] for lane in lane_map] for word in seen])
                done, rest = divmod(column - 2, new)
                pixel = column >= 2 and rest == 0
                row_end = pixel and done == columns - 1
                block_end = row_end and row == rows - 1
                flags = {"row_end": row_end, "block_end": block_end}
                flags["end"] = block_end and block == blocks - 1
                # Of those that a pixel doesn't share, the second meets the middle weights only.
                middle = new == 1 or (column + 1 >= 2 and (column - 1) % new == 0)
                tag = {"outer": new == 1 or not middle, "middle": middle, "pixel": pixel}
                sent.append({"words": words, "inside": inside, "tag": {**tag, "flags": flags}})
                if pixel:
                    total = [
                        sum(
                            window[column - 2 + x][y][lane] * weights[-1][3 * y + x][lane]
                            for y in range(3)
                            for x in range(3)
                        )
                        for lane in range(LANES)
                    ]
                    sums.append((total, flags))
    return context, weights, sent, sums


@pytest.mark.parametrize("parts", [1, 2, 4])
@pytest.mark.parametrize(
    ("columns_rate", "weights_rate", "context_rate", "room_rate"),
    [(1, 1, 1, 1), (1, 1, 1, 0.3), (1, 0.1, 1, 1), (1, 1, 0.1, 1), (0.4, 1, 1, 1), (0.7,) * 4],
)
def test_sums(parts, columns_rate, weights_rate, context_rate, room_rate):
    rates = (columns_rate, weights_rate, context_rate, room_rate)
    seed = parts + sum(int(10 * rate) * 13**k for k, rate in enumerate(rates))
    print("seed", seed)
    rng = random.Random(seed)
    contexts, weights, columns, expected = [], [], [], []
    for _ in range(12):
        made = instruction(
            rng,
            rows=rng.randint(1, 3),
            columns=rng.randint(1, 4),
            blocks=rng.randint(1, 2),
            new=rng.choice(NEW_COLUMNS),
        )
        contexts.append(made[0])
        for all_of_them, mine in zip((weights, columns, expected), made[1:], strict=True):
            all_of_them.extend(mine)
    dut = Window(lanes=LANES, parts=parts, logic_multipliers=5)

    def sender(stream, payloads, rate):
        source = random.Random(seed + len(payloads))

        async def bench(ctx):
            await send(ctx, stream, payloads, source, rate)

        return bench

    async def receiver(ctx):
        found = await receive(ctx, dut.o, parts * len(expected), random.Random(seed), room_rate)
        for n, (total, flags) in enumerate(expected):
            items = found[parts * n :][:parts]
            assert [value for item in items for value in item.sums] == total
            assert [item.word_end for item in items] == [0] * (parts - 1) + [1]
            for item in items:
                assert {name: item.flags[name] for name in flags} == flags

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(sender(dut.context, contexts, context_rate))
    sim.add_testbench(sender(dut.weights, weights, weights_rate))
    sim.add_testbench(sender(dut.i, columns, columns_rate))
    sim.add_testbench(receiver)
    sim.run()


def test_parameters():
    dut = Window(lanes=4, parts=2, logic_multipliers=18)
    assert (dut.lanes, dut.parts, dut.logic_multipliers) == (4, 2, 18)
    for component, others in ((ColumnParts, {}), (Window, {"logic_multipliers": 0})):
        with pytest.raises(ValueError, match="Parts must divide 4 lanes"):
            component(lanes=4, parts=3, **others)
    with pytest.raises(ValueError, match="There are 18 multipliers"):
        Window(lanes=4, parts=2, logic_multipliers=19)
