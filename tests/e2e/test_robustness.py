# SPDX-License-Identifier: Apache-2.0
"""Programs stay exact on slow and irregular memory, in any order, and after any interruption."""

import dataclasses
import random

import numpy as np
import pytest

import dpu_host.driver
from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.errors import AbortedError
from dpu_host.placement import Window, place
from dpu_spec.presets import PRESETS
from dpu_spec.program import Program
from dpu_spec.registers import Error, address
from tests.e2e import robust_networks
from tests.e2e.cases import Case, case, network_case
from tests.e2e.conftest import DIGITS
from tests.e2e.rig import ABORT, CLEAR, START, Rig

pytestmark = pytest.mark.rtl

#: A depthwise PE that takes words in parts has more to be interrupted in.
CONFIG = dataclasses.replace(PRESETS["tiny"], depthwise_lanes=2, depthwise_requantizers=2)


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    with Rig(CONFIG, tmp_path_factory.mktemp("rig")) as rig:
        yield rig


@pytest.fixture
def rig(machine):
    """A machine that may have had any fault, but was reset since."""
    machine.process.reset()
    machine.calm()
    return machine


@pytest.fixture(scope="module")
def small() -> Case:
    return network_case(robust_networks.small(), CONFIG)


@pytest.fixture(scope="module")
def spilling() -> Case:
    made = network_case(robust_networks.spilling(), CONFIG)
    assert made.program.arena_bytes
    return made


def seeds(count: int) -> list[int]:
    """Return new seeds, which a failure shows."""
    found = [random.randrange(1 << 32) for _ in range(count)]
    print("seeds", found)
    return found


@pytest.mark.parametrize("latency", [1, 2, 3, 7, 20, 64, 111, 200])
def test_any_read_latency(rig, small, latency):
    rig.process.set_read_latency(latency)
    rig.process.set_write_latency(latency)
    cycles = rig.check(small).cycles
    assert rig.again(small).cycles == cycles


@pytest.mark.parametrize("stall", [0.1, 0.5, 0.9])
def test_random_stalls(rig, small, stall):
    for seed in seeds(6):
        source = random.Random(seed)
        rig.process.set_read_latency(1, source.choice((1, 50, 200)))
        rig.process.set_write_latency(1, source.choice((1, 50, 200)))
        parts = {name: stall * source.random() for name in ("ar", "r", "aw", "w", "b")}
        parts[source.choice(list(parts))] = stall
        rig.process.set_stalls(seed, **parts)
        rig.check(small)


def test_random_stalls_of_a_network_that_spills(rig, spilling):
    seed = seeds(1)[0]
    cycles = rig.check(spilling).cycles
    rig.process.set_read_latency(1, 200)
    rig.process.set_write_latency(1, 200)
    rig.process.set_stalls(seed, ar=0.2, r=0.2, aw=0.2, w=0.2, b=0.2)
    assert rig.check(spilling).cycles > cycles


def test_the_bundled_network_under_stalls_on_b128(tmp_path):
    graph = read_model(DIGITS / "digits_int8.tflite")
    seed = seeds(1)[0]
    pixels = np.random.default_rng(seed).integers(-128, 128, graph.tensors[graph.inputs[0]].shape)
    digit = case(compile_graph(graph, PRESETS["b128"]), {graph.inputs[0]: pixels.astype(np.int8)})
    with Rig(PRESETS["b128"], tmp_path) as rig:
        calm = rig.check(digit).cycles
        rig.process.set_read_latency(1, 200)
        rig.process.set_stalls(seed, ar=0.3, r=0.3, aw=0.3, w=0.3, b=0.3)
        assert rig.check(digit).cycles > calm


def test_runs_don_t_depend_on_those_before(rig, small, spilling):
    """Neither results nor cycles: the same twice, others in turn, and the first again."""
    other = network_case(robust_networks.small(7, side=12, channels=1), CONFIG)
    cases = (small, other, spilling)
    cycles = [rig.check(one).cycles for one in cases]
    rig.device.load(small.program)
    assert [rig.again(small).cycles for _ in range(3)] == [cycles[0]] * 3
    for index in (1, 0, 1, 2, 0):
        assert rig.check(cases[index]).cycles == cycles[index]


def test_windows_may_begin_anywhere(rig, small, monkeypatch):
    """Only the program window is aligned, so that bursts begin and end within beats."""

    source = random.Random(seeds(1)[0])
    for _ in range(10):
        bases = [0x9000 + 16 * source.randrange(256)]
        bases += [n * 0x10000 + 0x1000 - source.randrange(1, 80) for n in (2, 3, 4)]

        def scattered(program: Program, base: int, bases: list[int] = bases) -> tuple[Window, ...]:
            return tuple(
                Window(start, window.size)
                for start, window in zip(bases, place(program, base), strict=True)
            )

        monkeypatch.setattr(dpu_host.driver, "place", scattered)
        rig.check(small)


def test_a_start_during_a_run_is_noted_and_does_no_harm(rig, small):
    total = rig.check(small).cycles
    for moment in range(0, total - 60, 250):

        def disturb(moment: int = moment) -> None:
            rig.process.step(moment)
            assert rig.status()["busy"]
            rig.control(START)
            assert rig.status()["start_ignored"]

        rig.transport.during = disturb
        assert rig.again(small).cycles == total
        # The driver took the interrupt back, and the note with it.
        assert not rig.status()["start_ignored"]


def test_the_end_shows_without_an_interrupt(rig, small):
    total = rig.check(small).cycles
    rig.transport.write_register(address("INTERRUPT_ENABLE"), 0)
    rig.control(START)
    rig.process.step(total + 20)
    status = rig.status()
    assert (status["busy"], status["done"], status["error"]) == (0, 1, Error.NONE)
    assert not rig.transport.wait(10)
    # It was only hidden.
    rig.transport.write_register(address("INTERRUPT_ENABLE"), 1)
    assert rig.transport.wait(10)
    rig.control(CLEAR)
    assert not rig.transport.wait(10)


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_abort_at_many_points(rig, small, stall):
    total = rig.check(small).cycles
    source = random.Random(seeds(1)[0])
    for begin in range(0, total - 100, 200):
        moment = begin + source.randrange(100)
        rig.process.set_stalls(moment, ar=stall, r=stall, aw=stall, w=stall, b=stall)

        def disturb(moment: int = moment) -> None:
            rig.process.step(moment)
            rig.control(ABORT)
            # The bursts in flight end, and nothing else.
            assert rig.process.wait(5000).interrupt

        rig.transport.during = disturb
        with pytest.raises(AbortedError):
            rig.again(small)
        assert rig.status()["error"] == Error.ABORT
        rig.process.set_stalls(0)
        assert rig.again(small).cycles == total


class WasReset(Exception):
    pass


def test_reset_at_many_points(rig, small):
    total = rig.check(small).cycles
    source = random.Random(seeds(1)[0])
    for begin in range(0, total, 150):
        moment = begin + source.randrange(150)

        def disturb(moment: int = moment) -> None:
            rig.process.step(moment)
            rig.process.reset(1 + moment % 3)
            raise WasReset

        rig.transport.during = disturb
        with pytest.raises(WasReset):
            rig.again(small)
        assert not any(rig.status()[name] for name in ("busy", "done", "error"))
        assert rig.again(small).cycles == total
