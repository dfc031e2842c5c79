# SPDX-License-Identifier: Apache-2.0
"""``dpu`` on the RTL: every tensor that the hardware writes, its cycles, its faults."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.cli.machines import Outcome
from dpu_host.cli.rtl import RtlMachine
from dpu_host.errors import ConfigurationMismatchError, MemoryReadError
from dpu_sim.rtl import ErrorCode
from dpu_spec.presets import preset
from dpu_spec.registers import address
from tests.e2e import networks
from tests.e2e.conftest import DIGITS, Dpu

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module")
def machine() -> Iterator[RtlMachine]:
    program = compile_graph(read_model(DIGITS / "digits_int8.tflite"), preset("tiny"))
    found = RtlMachine(program)
    yield found
    found.close()


def example(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, (1, 28, 28, 1)).astype(np.int8)


def test_run(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    stats, folder = tmp_path / "stats.json", tmp_path / "tensors"
    path, output = tmp_path / "in.npy", tmp_path / "out.npy"
    both = np.concatenate([example(1), example(2)])
    np.save(path, both)
    result = dpu(
        *("run", network, "--on", "rtl", "--preset", "tiny", "--input", path, "--check"),
        *("--output", output, "--json", stats, "--dump", folder),
    )
    assert result.status == 0, result.err
    assert "every byte equals the golden model" in result.out
    graph = read_model(network)
    expected = [graph.run({0: array}) for array in (example(1), example(2))]
    np.testing.assert_array_equal(np.load(output), np.concatenate([e[38] for e in expected]))
    files = {int(path.stem): np.load(path) for path in folder.glob("*.npy")}
    assert set(files) == set(expected[0])
    for index, array in files.items():
        np.testing.assert_array_equal(array, np.concatenate([e[index] for e in expected]))

    found = json.loads(stats.read_text())
    assert found["bit_exact"] is True
    assert found["cycles"] == sum(layer["cycles"] for layer in found["layers"])
    assert found["cycles"] > found["macs"] / (16 + 36)
    assert found["utilization_array"] == pytest.approx(found["macs"] / found["cycles"] / 16)
    for layer in found["layers"]:
        if layer["engine"] != "host":
            assert 0 < layer["start"] < layer["end"] <= found["cycles"]
            assert 0 < layer["busy"] <= layer["end"] - layer["start"] + 1
        if layer["macs"]:
            assert 0 < layer["utilization"] <= 1
    moved = found["dram_read_bytes"] + found["dram_write_bytes"]
    layers = sum(layer["dram_bytes"] for layer in found["layers"])
    assert layers <= moved <= 1.05 * layers


def test_nothing_on_the_dpu(dpu: Dpu, tmp_path: Path) -> None:
    model, feed = networks.host_only(tmp_path / "m.tflite"), tmp_path / "x.npy"
    np.save(feed, np.zeros((1, 10), np.int8))
    result = dpu("run", model, "--on", "rtl", "--preset", "tiny", "--input", feed)
    assert result.status == 0, result.err
    assert "0 cycles: nothing of this network runs on the DPU" in result.out
    assert "utilization  of" not in result.out


def test_a_finished_simulator_is_not_announced(
    dpu: Dpu, machine: RtlMachine, network: Path, tmp_path: Path
) -> None:
    np.save(tmp_path / "x.npy", example(1))
    call = ("run", network, "--on", "rtl", "--preset", "tiny", "--input", tmp_path / "x.npy")
    assert "building the simulator" not in dpu(*call).err


def test_counters_of_the_device_are_those_of_the_bus(machine: RtlMachine) -> None:
    outcome = machine.run({0: example(3)}, tensors=False)
    counts = machine.device.counts()
    assert counts.cycles == outcome.measurement.cycles
    assert counts.read_bytes == outcome.measurement.read_bytes


def test_an_error_of_the_memory_names_the_instruction(machine: RtlMachine) -> None:
    graph = read_model(DIGITS / "digits_int8.tflite")
    machine.process.inject_error("read", 20, ErrorCode.SLVERR)
    with pytest.raises(MemoryReadError, match="the memory answered a read with SLVERR"):
        machine.run({0: example(4)}, tensors=True)
    machine.process.clear_errors()
    outcome: Outcome = machine.run({0: example(4)}, tensors=True)
    assert not outcome.problems
    np.testing.assert_array_equal(outcome.outputs[38], graph.run({0: example(4)})[38])


def test_program_for_other_parameters(machine: RtlMachine) -> None:
    program = compile_graph(read_model(DIGITS / "digits_int8.tflite"), preset("b128"))
    with pytest.raises(ConfigurationMismatchError, match="lanes is 4, not 8"):
        machine.device.load(program)
    assert machine.process.read_register(address("STATUS")).response == 0


def test_demo(dpu: Dpu) -> None:
    result = dpu("demo")
    assert result.status == 0, result.err
    assert "20 of 20 digits are recognized" in result.out
    assert "every byte equals the golden model" in result.out
    assert "Layers on b128" in result.out
