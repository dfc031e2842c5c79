# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""The packaged IP of a Zynq in simulation: whole networks by its two memory ports, and by PYNQ."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_compiler.graph import Graph
from dpu_host.driver import Device
from dpu_host.errors import MemoryReadError, MemoryWriteError
from dpu_sim.rtl import ErrorCode, RtlProcess
from dpu_sim.rtl.transport import RtlTransport
from dpu_spec.configuration import Configuration
from dpu_spec.presets import PRESETS
from dpu_spec.program import Program
from dpu_spec.registers import address
from tests.e2e.networks import picture_input
from tests.support.hp_memory import zynq_simulator
from tests.support.pynq import Pynq

pytestmark = pytest.mark.rtl

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
MEMORY = 16 << 20
CHANNELS = ("ar", "r", "aw", "w", "b")
#: Small, with a bus of 16 bytes, so that there are two ports.
WIDE = dataclasses.replace(PRESETS["tiny"], axi_bytes=16)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_model(MODEL)


def start(configuration: Configuration, folder: Path) -> RtlProcess:
    """Start the simulation of the IP."""
    return RtlProcess(zynq_simulator(configuration, folder), memory=MEMORY, timeout=900.0)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtlProcess]:
    with start(WIDE, tmp_path_factory.mktemp("ip")) as process:
        yield process


@pytest.fixture(scope="module")
def program(graph: Graph) -> Program:
    return compile_graph(graph, WIDE)


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> None:
    if "process" in request.fixturenames:
        process: RtlProcess = request.getfixturevalue("process")
        process.reset()
        process.clear_errors()
        process.set_stalls(0)
        process.set_read_latency(40)
        process.set_write_latency(1)


def check(device: Device, graph: Graph, seed: int) -> None:
    """Run an inference; every byte must be the golden model's."""
    image = np.random.default_rng(seed).integers(-128, 128, (1, 28, 28, 1)).astype(np.int8)
    (source,) = graph.inputs
    found, expected = device.infer({source: image}), graph.run({source: image})
    for index in graph.outputs:
        np.testing.assert_array_equal(found[index], expected[index])
    # What the DPU itself wrote, ahead of operators of the host.
    logits = graph.operators[-1].inputs[0]
    np.testing.assert_array_equal(device.tensor(logits), expected[logits])


def test_whole_bursts_of_half_a_bus(process: RtlProcess, graph: Graph, program: Program) -> None:
    device = Device(RtlTransport(process, memory=MEMORY))
    device.load(program)
    process.counters(clear=True)
    check(device, graph, 1)
    counters = process.counters()
    counts = device.counts()
    print("cycles", counts.cycles)
    assert (counters.read_bytes, counters.write_bytes) == (counts.read_bytes, counts.write_bytes)
    # No burst is longer than 16 beats of a port, that is 128 bytes.
    assert counters.read_bytes <= 128 * counters.read_bursts
    assert counters.write_bytes <= 128 * counters.write_bursts


@pytest.mark.parametrize("seed", range(4))
def test_a_memory_that_stalls(
    process: RtlProcess, graph: Graph, program: Program, seed: int
) -> None:
    source = np.random.default_rng(seed)
    process.set_read_latency(1, int(source.choice((1, 50, 200))))
    process.set_write_latency(1, int(source.choice((1, 50, 200))))
    process.set_stalls(seed + 1, **{channel: source.random() * 0.6 for channel in CHANNELS})
    device = Device(RtlTransport(process, memory=MEMORY))
    device.load(program)
    check(device, graph, seed)


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_outputs_of_any_length(process: RtlProcess, tmp_path: Path, stall: float) -> None:
    shape = (1, 61, 53, 7)
    graph = read_model(picture_input(tmp_path / "sum.tflite", shape, 0.5, 3))
    process.set_stalls(1, **dict.fromkeys(CHANNELS, stall))
    device = Device(RtlTransport(process, memory=MEMORY))
    device.load(compile_graph(graph, WIDE))
    process.counters(clear=True)
    image = np.random.default_rng(1).integers(-128, 128, shape).astype(np.int8)
    (source,), (output,) = graph.inputs, graph.outputs
    found, expected = device.infer({source: image}), graph.run({source: image})
    np.testing.assert_array_equal(found[output], expected[output])
    counters = process.counters()
    assert counters.strobed_bytes == image.size
    assert counters.write_bursts >= image.size // 128


def test_errors_of_the_memory_reach_the_driver(
    process: RtlProcess, graph: Graph, program: Program
) -> None:
    device = Device(RtlTransport(process, memory=MEMORY))
    device.load(program)
    process.inject_error("read", 20, ErrorCode.DECERR)
    with pytest.raises(MemoryReadError):
        check(device, graph, 1)
    process.clear_errors()
    process.inject_error("write", 0, ErrorCode.SLVERR)
    with pytest.raises(MemoryWriteError):
        check(device, graph, 1)
    process.clear_errors()
    check(device, graph, 1)


def test_by_pynq(
    process: RtlProcess,
    graph: Graph,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    # A simulation takes longer than a board, so its clock is said to be slow.
    pynq = Pynq(RtlTransport(process, memory=MEMORY), megahertz=0.01)
    monkeypatch.setitem(sys.modules, "pynq", pynq)
    bitstream = tmp_path / "arty_z7.bit"
    bitstream.write_bytes(b"")
    with Device.open(f"pynq:{bitstream}@4") as device:
        device.load(program)
        for seed in (1, 2):
            check(device, graph, seed)
    # The physical addresses of the buffer are those that the DPU was given.
    base = process.read_register(address("PROGRAM_BASE")).value
    assert base == 0x12_4000
    assert process.read_memory(base, len(program.image)) == program.image


@pytest.mark.slow
def test_the_preset_of_the_board(graph: Graph, tmp_path: Path) -> None:
    configuration = PRESETS["b256"]
    with start(configuration, tmp_path) as process:
        device = Device(RtlTransport(process, memory=MEMORY))
        device.load(compile_graph(graph, configuration))
        for seed in (1, 2):
            check(device, graph, seed)
            print("cycles", device.counts().cycles)
