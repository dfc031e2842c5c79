# SPDX-License-Identifier: Apache-2.0
"""DRAM bytes over time, their energy, and what an engine's full rate is."""

import dataclasses

import pytest

from dpu_host.profile.energy import energy
from dpu_host.profile.rate import cycles_at_full_rate
from dpu_host.profile.traffic import KINDS, curve, traffic
from dpu_sim.traffic import layer_traffic
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.presets import preset
from tests.host.profiles import by_hand, estimated, instruction


def test_energy_by_hand() -> None:
    # 5 pJ x 8 / 32 and 640 pJ x 8 / 32.
    found = energy(1_000, 300, 7)
    assert (found.multiplications, found.reads, found.writes) == (1250.0, 48000.0, 1120.0)


def test_curve_spreads_bytes_evenly() -> None:
    found = curve([(10, 20, 40), (15, 17, 8)], 100)
    assert found.at([0, 10, 15, 16, 17, 20, 100]) == [0, 0, 20, 28, 36, 48, 48]


def test_curve_keeps_what_ends_after_the_last_cycle() -> None:
    assert curve([(99, 101, 8), (100, 101, 4)], 100).at([98, 99, 100]) == [0, 0, 12]


def test_transfers_take_the_port_in_turn() -> None:
    load, store = Engine.LOAD, Engine.STORE
    weights = instruction(load, target=1, row_bytes=80)
    pixels = instruction(load, row_bytes=10, window=2)
    found = traffic(
        by_hand(
            (
                {
                    load: [(weights, (10, 29)), (pixels, (12, 34))],
                    store: [(instruction(store, rows=2, row_bytes=6), (40, 45))],
                },
                50,
            )
        )
    )
    assert list(found) == list(KINDS)
    assert found["constants"].at([10, 20, 30, 50]) == [0, 40, 80, 80]
    assert found["maps_in"].at([30, 32, 35, 50]) == [0, 4, 10, 10]
    assert found["maps_out"].at([40, 43, 46]) == [0, 6, 12]
    fetched = 2 * INSTRUCTION_BYTES[load] + INSTRUCTION_BYTES[store]
    assert found["instructions"].at([0, 1, 50]) == [0, 8, fetched]


@pytest.mark.parametrize("name", ["tiny", "b128", "b256"])
def test_traffic_adds_up_to_that_of_the_layers(name: str) -> None:
    execution = estimated(name).execution
    layers = layer_traffic(execution.program).values()
    total = {kind: found.at([execution.cycles])[0] for kind, found in traffic(execution).items()}
    assert total["constants"] + total["maps_in"] == pytest.approx(sum(x.read for x in layers))
    assert total["maps_out"] == pytest.approx(sum(x.written for x in layers))
    assert total["instructions"] == pytest.approx(sum(x.fetched for x in layers))
    for found in traffic(execution).values():
        assert all(a <= b + 1e-6 for a, b in zip(found.total, found.total[1:], strict=False))


def test_full_rate_by_hand() -> None:
    b128 = preset("b128")

    def rate(engine: Engine, **values: int) -> int:
        return cycles_at_full_rate(instruction(engine, **values), b128)

    assert rate(Engine.LOAD, rows=3, row_bytes=11) == 5
    assert rate(Engine.CONV, rows=4, columns=5, blocks=2, kernel_h=3, kernel_w=3) == 360
    assert rate(Engine.DRAIN, rows=4, columns=5, blocks=2) == 40
    assert rate(Engine.DEPTHWISE, rows=4, columns=5, blocks=2, last=1) == 40
    # Four values a cycle, words of eight.
    assert rate(Engine.VECTOR, rows=4, columns=5, blocks=2) == 80

    halves = dataclasses.replace(
        b128, depthwise_lanes=4, depthwise_requantizers=2, depthwise_logic_multipliers=0
    )
    for last, cycles in ((0, 80), (1, 160)):
        values = {"rows": 4, "columns": 5, "blocks": 2, "last": last}
        assert cycles_at_full_rate(instruction(Engine.DEPTHWISE, **values), halves) == cycles
