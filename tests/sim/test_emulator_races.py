# SPDX-License-Identifier: Apache-2.0
"""Accesses that no token orders."""

import pytest

from dpu_sim.emulator import RaceError
from dpu_spec import isa
from dpu_spec.instruction import Engine, Instruction
from tests.sim.small_machine import (
    LANES,
    bit,
    conv,
    conv_patch,
    depthwise,
    drain,
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


# Races: the first instruction of each pair conflicts with the second, of another engine.

FAR = {"out_address": 4096 + 32}
PAIRS = {
    "load writes, conv reads": (load(address=0), conv(address=0)),
    "load writes, conv_patch reads": (load(address=0), conv_patch(address=0)),
    "load writes, depthwise reads": (load(address=0), depthwise(address=0)),
    "load writes, vector reads a": (load(address=0), vector(address=0)),
    "load writes, vector reads b": (load(address=7), vector("MULTIPLY", b_address=7)),
    "load writes, store reads": (load(address=0), store(address=0)),
    "load and drain write": (load(address=0), drain(address=0, ring_start=0)),
    "drain writes, depthwise reads": (
        drain(address=0, ring_start=0),
        depthwise(address=0),
    ),
    "depthwise writes, conv reads": (
        depthwise(out_address=0, out_ring_start=0, address=32),
        conv(address=0),
    ),
    "vector and depthwise write": (vector(), depthwise()),
    "load writes weights, conv reads": (
        load(target=isa.TARGET_WEIGHTS, address=3),
        conv(),
    ),
    "load writes weights, conv_patch reads": (
        load(target=isa.TARGET_WEIGHTS, address=3),
        conv_patch(),
    ),
    "load writes parameters, drain reads": (
        load(target=isa.TARGET_CONV_PARAMETERS, address=8),
        drain(),
    ),
    "load writes parameters, depthwise reads": (
        load(target=isa.TARGET_DEPTHWISE_PARAMETERS, address=17),
        depthwise(),
    ),
    "load writes table a, vector reads": (
        load(target=isa.TARGET_TABLE, address=32),
        vector("TABLE"),
    ),
    "load writes table b, vector reads": (
        load(target=isa.TARGET_TABLE, address=256, ring_start=256),
        vector("ADD"),
    ),
    "conv writes accumulators, drain reads": (conv(accumulator=5), drain(accumulator=5)),
    "conv_patch writes accumulators, drain reads": (conv_patch(), drain()),
    "store writes, load reads": (
        store(window=isa.WINDOW_INPUT, address=9),
        load(window=isa.WINDOW_INPUT, dram_offset=3, address=1),
    ),
}


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize("first_turn", [False, True], ids=["first_runs", "second_runs"])
@pytest.mark.parametrize("name", PAIRS)
def test_race(full, name, turned, first_turn):
    """In each direction, in whichever order the emulator executes the two."""
    pair = PAIRS[name][::-1] if turned else PAIRS[name]
    by_turn = pair[::-1] if first_turn else pair
    with pytest.raises(RaceError) as caught:
        full.run(streams(*by_turn))
    error = caught.value
    assert {error.engine, error.other_engine} == {i.engine for i in pair}
    assert {id(error.instruction), id(error.other_instruction)} == {id(i) for i in pair}
    assert all(repr(i) in str(error) for i in pair)

    # A token from the first to the second makes it right.
    first, second = (Instruction(i.format, i.values) for i in pair)
    first.signal, second.wait = bit(second.engine), bit(first.engine)
    full_machine().run(streams(*((second, first) if first_turn else (first, second))))


def test_what_a_race_says(full):
    with pytest.raises(RaceError) as caught:
        full.run(streams(load(address=5), load(address=6), store(address=6)))
    assert str(caught.value).startswith(
        "STORE instruction 0: race: it reads word 6 of scratchpad, and no token orders that after "
        "the write by LOAD instruction 1:\n  LOAD wait=0"
    )


def test_words_beside_each_other_dont_conflict(full):
    full.run(
        streams(
            load(address=5, dram_offset=32),
            store(address=6, window=isa.WINDOW_INPUT),
            vector(address=4),
            load(window=isa.WINDOW_INPUT, dram_offset=LANES, address=7),
            conv(address=6, accumulator=5),
            drain(accumulator=6, address=4097),
        )
    )


def test_reads_dont_conflict(full):
    full.run(streams(store(), vector(), depthwise(out_address=4100), conv()))


def test_an_engine_reads_what_it_wrote_itself_only_after_a_token(full):
    """Its reader runs ahead of its writer."""
    write, read = vector(), vector(address=4096, ring_start=4096, **FAR)
    with pytest.raises(RaceError, match=r"word 4096 .* write by VECTOR instruction 0"):
        full.run(streams(write, read))
    full = full_machine()
    write.signal = read.wait = bit(VECTOR)
    full.run(streams(write, read))


def test_the_token_to_itself_must_come_from_the_write_or_later(full):
    write, read = vector(), vector(address=4096, ring_start=4096, **FAR)
    before, after = vector(**FAR), vector(**FAR)
    before.signal = read.wait = bit(VECTOR)
    with pytest.raises(RaceError):
        full.run(streams(before, write, read))
    after.signal = bit(VECTOR)
    full_machine().run(streams(write, after, read))


def test_an_engine_writes_over_what_it_read_and_wrote(full):
    full.run(streams(vector(), vector(), depthwise(out_address=4100), depthwise(out_address=4100)))
    full.run(streams(vector(), vector(address=8, out_address=0, out_ring_start=0)))


def test_accumulators_and_partial_sums_are_in_order(full):
    sums = depthwise(first=0, last=0)
    full.run(streams(conv(), conv(clear=0), conv_patch(clear=0), sums, sums))


def test_accumulating_after_a_drain_needs_a_token(full):
    with pytest.raises(RaceError, match=r"of accumulators, .* the read by DRAIN instruction 0"):
        full.run(streams(drain(), conv(clear=0)))


def test_order_passes_through_other_engines(full):
    a = load(address=0, signal=bit(DRAIN))
    b = drain(wait=bit(LOAD), signal=bit(STORE))
    c = store(address=0, wait=bit(DRAIN))
    full.run(streams(c, b, a))


def test_a_later_write_is_not_covered_by_an_earlier_token(full):
    with pytest.raises(RaceError, match="LOAD instruction 1"):
        full.run(
            streams(load(address=0, signal=bit(STORE)), load(address=0), store(wait=bit(LOAD)))
        )


def test_runs_are_in_order(full):
    full.run(streams(load(address=0)))
    full.run(streams(store(address=0)))
    full.run(streams(load(address=0)))


# Inside one instruction.


def test_in_place_is_right(full):
    both = {"columns": 8, "stride_x": 1, "out_address": 0, "out_ring_start": 0}
    full.run(streams(vector(**both)))
    full.run(streams(vector("MULTIPLY", **both, b_column_stride=1)))


def test_writing_behind_the_reads_is_right(full):
    full.run(streams(vector(columns=6, x0=1, stride_x=1, out_address=0, out_ring_start=0)))


def test_writing_where_the_border_would_be_is_right(full):
    window = {"kernel_h": 2, "kernel_w": 2, "y0": -1, "x0": -1, "columns": 4, "stride_x": 1}
    full.run(streams(vector(**window, out_address=0, out_ring_start=0)))


@pytest.mark.parametrize(
    "instruction",
    [
        vector(columns=6, stride_x=1, out_address=1, out_ring_start=0),
        vector(
            "MULTIPLY",
            columns=6,
            address=32,
            b_column_stride=1,
            out_address=1,
            out_ring_start=0,
            y0=1,
        ),
        depthwise(columns=3, stride_x=1, dilation_x=1, out_address=1, out_ring_start=0),
        depthwise(rows=2, stride_y=1, out_address=8, out_ring_start=0),
    ],
)
def test_reading_what_an_earlier_iteration_wrote(full, instruction):
    with pytest.raises(RaceError, match="after it has written it itself, in an earlier iteration"):
        full.run(streams(instruction))
