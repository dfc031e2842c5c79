# SPDX-License-Identifier: Apache-2.0
"""Constants on their way into the buffers: chunks, and what lies where."""

import numpy as np
import pytest

from dpu_compiler.constants import Chunk, ConstantCache, ConstantStream, capacity
from dpu_compiler.errors import CapacityError
from dpu_compiler.issue import Buffer
from dpu_spec.presets import PRESETS, preset

TINY = preset("tiny")


@pytest.mark.parametrize("seed", range(20))
def test_units_are_grouped_and_never_split(seed):
    rng = np.random.default_rng(seed)
    limit = TINY.depthwise_parameter_words
    sizes = rng.integers(1, limit // int(rng.integers(1, 9)) + 1, 50)
    units = [bytes(rng.integers(0, 256, int(n) * TINY.lanes).astype(np.uint8)) for n in sizes]
    stream = ConstantStream(TINY, Buffer.DEPTHWISE_PARAMETERS, units)
    for index, unit in enumerate(units):
        chunk, word = stream.place(index)
        start = word * TINY.lanes
        assert chunk.data[start : start + len(unit)] == unit
    for chunk in stream.chunks:
        alone = sum(stream.place(i)[0] is chunk for i in range(len(units))) == 1
        assert alone or chunk.words <= limit // 4
    assert b"".join(chunk.data for chunk in stream.chunks) == b"".join(units)
    assert stream.words == sum(sizes)


def test_a_unit_that_does_not_fit():
    unit = bytes((TINY.conv_parameter_words + 1) * TINY.lanes)
    with pytest.raises(CapacityError, match="needs 257 words of conv parameters"):
        ConstantStream(TINY, Buffer.CONV_PARAMETERS, [unit])


@pytest.mark.parametrize("name", PRESETS)
def test_capacities(name):
    configuration = PRESETS[name]
    assert capacity(configuration, Buffer.WEIGHTS) == configuration.weight_words
    # Two slots of two tables of 256 int32.
    assert capacity(configuration, Buffer.TABLE) * configuration.lanes == 4096


@pytest.mark.parametrize("align", [1, 2, 4])
@pytest.mark.parametrize("seed", range(10))
def test_the_cache_knows_what_is_there(align, seed):
    """A naive buffer holds the chunks that the cache says it does."""
    rng = np.random.default_rng(seed)
    cache = ConstantCache(64, align)
    owner: list[Chunk | None] = [None] * 64
    chunks = [Chunk(Buffer.WEIGHTS, b"", int(rng.integers(1, 40))) for _ in range(8)]
    for _ in range(200):
        chunk = chunks[int(rng.integers(8))]
        at = cache.find(chunk)
        if at is None:
            at = cache.insert(chunk)
            owner[at : at + chunk.words] = [chunk] * chunk.words
        assert at % align == 0
        assert owner[at : at + chunk.words] == [chunk] * chunk.words
        assert len(owner) == 64


def test_the_cache_keeps_what_is_not_in_the_way():
    cache = ConstantCache(16, 1)
    a, b, c = (Chunk(Buffer.WEIGHTS, b"", 6) for _ in range(3))
    assert [cache.insert(a), cache.insert(b)] == [0, 6]
    assert cache.insert(c) == 0  # Around the end, over the oldest.
    assert cache.find(a) is None
    assert cache.find(b) == 6
