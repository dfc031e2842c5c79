# SPDX-License-Identifier: Apache-2.0
"""Places of maps: those that live at the same time never overlap."""

from types import SimpleNamespace

import numpy as np
import pytest

from dpu_compiler.allocate import allocate, lifetimes
from dpu_compiler.featuremap import FeatureMap, Layout, shape_hwc
from dpu_spec.presets import preset

TINY = preset("tiny")


def feature_map(height=1, width=1, channels=4, layout=Layout.BLOCKED):
    return FeatureMap(0, "map", height, width, channels, layout, 0, TINY)


def task(inputs, output):
    return SimpleNamespace(layer=SimpleNamespace(inputs=inputs, output=output))


def random_tasks(rng):
    maps = []
    tasks = []
    for _ in range(int(rng.integers(2, 30))):
        sources = [maps[int(rng.integers(len(maps)))] for _ in range(min(len(maps), 2))]
        output = None
        if rng.random() < 0.8:
            output = feature_map(
                int(rng.integers(1, 9)), int(rng.integers(1, 9)), int(rng.integers(1, 20))
            )
            maps.append(output)
        tasks.append(task(sources[: int(rng.integers(0, 3))], output))
    return tasks


@pytest.mark.parametrize("seed", range(100))
def test_live_maps_never_overlap(seed):
    rng = np.random.default_rng(seed)
    tasks = random_tasks(rng)
    lives = lifetimes(tasks)
    words = int(rng.integers(100, 2000))
    fits = allocate(tasks, words)
    together = max(
        (
            sum(m.words for m, life in lives.items() if life.first <= time <= life.last)
            for time in range(len(tasks))
        ),
        default=0,
    )
    if together > words:
        assert not fits
    if not fits:
        return
    owner = np.full(words, -1)
    for time, one in enumerate(tasks):
        del one
        owner[:] = -1
        for number, (m, life) in enumerate(lives.items()):
            if life.first <= time <= life.last:
                place = owner[m.base : m.base + m.words]
                assert len(place) == m.words
                assert (place == -1).all()
                place[:] = number


def test_places_are_used_again():
    a, b, c = (feature_map(1, 60) for _ in range(3))
    tasks = [task([], a), task([a], b), task([b], c)]
    assert allocate(tasks, 120)
    assert a.base == c.base
    assert not allocate([*tasks, task([a], None)], 120)


def test_lives_begin_and_end_with_the_tasks_that_touch_them():
    a, b = feature_map(), feature_map()
    lives = lifetimes([task([], a), task([a], b), task([], b), task([b], None)])
    assert [(life.first, life.last) for life in (lives[a], lives[b])] == [(0, 1), (1, 3)]


@pytest.mark.parametrize("layout", Layout)
def test_maps_take_words_for_every_element(layout):
    m = feature_map(3, 5, 6, layout)
    m.base = 7
    addresses = m.addresses(range(3))
    assert len(set(addresses.tolist())) == len(addresses)
    assert min(addresses) == 7
    assert max(addresses) < 7 + m.words
    held = {"blocked": 2 * 5, "plain": -(-30 // 4), "planar": 6 * 2}[layout.value]
    assert len(addresses) == 3 * held


def test_rings_reuse_their_rows():
    m = feature_map(10, 3, 4)
    m.ring_rows, m.base = 4, 100
    assert m.is_ring
    assert m.words == 4 * m.row_stride
    assert m.row_address(6) == m.row_address(2) == 100 + 2 * m.row_stride
    np.testing.assert_array_equal(m.addresses(range(5, 6)), m.addresses(range(1, 2)))


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("channels", [1, 4, 5, 8])
def test_neighbouring_rows_lie_in_different_banks(rows, channels):
    m = feature_map(rows, 4, channels)
    assert rows == 1 or m.row_stride % 2 == 1


@pytest.mark.parametrize(
    ("shape", "hwc"),
    [
        ((), (1, 1, 1)),
        ((5,), (1, 1, 5)),
        ((3, 5), (3, 1, 5)),
        ((2, 3, 5), (2, 3, 5)),
        ((1, 2, 3, 5), (2, 3, 5)),
        ((2, 2, 3, 5), None),
        ((1, 1, 2, 3, 5), None),
    ],
)
def test_shapes_as_height_width_channels(shape, hwc):
    assert shape_hwc(shape) == hwc
