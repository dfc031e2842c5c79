# SPDX-License-Identifier: Apache-2.0
"""A whole board: the real driver, the serial line's pins, the gateware, the SDRAM's pins."""

import numpy as np
import pytest

from dpu_boards.catalogue import find_board
from dpu_boards.simulation import open_simulation
from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.cli.prediction import predict
from dpu_host.driver import Device
from tests.support import networks

pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module", params=["ulx3s", "icepi_zero"])
def board(request):
    """A simulated board."""
    transport = open_simulation(find_board(request.param))
    yield transport
    transport.close()


def compiled(case, board, **options):
    graph = read_model(case.require())
    return graph, compile_graph(graph, board.board.configuration, **options)


def run(device, graph, example):
    """Run an inference; each of its outputs must be the golden model's. Return the cycles."""
    feeds = {graph.inputs[0]: example}
    right = graph.run(feeds)
    for index, array in device.infer(feeds).items():
        np.testing.assert_array_equal(array, right[index], strict=True)
    return device.counts().cycles


def test_the_bundled_network_whole(board):
    graph, program = compiled(networks.DIGITS, board)
    device = Device(board)
    device.load(program)
    cycles = [run(device, graph, example) for example in networks.DIGITS.examples(3)]
    expected = predict(program, board.board.memory_model).cycles
    print(f"{board.board.name} digits: {cycles} cycles, {expected} expected")
    # The image went over the serial line: it is in the chip now, byte for byte.
    assert board.process.read_memory(0, len(program.image)) == program.image
    assert board.process.counters().refreshes > 100
    assert board.retries == 0


@pytest.mark.parametrize("resident", [False, True], ids=["streamed", "resident"])
@pytest.mark.parametrize("dead_channels", [False, True], ids=["all channels", "live channels"])
@pytest.mark.parametrize(
    "case", [networks.KWS, networks.VWW, networks.RESNET], ids=lambda case: case.path.stem
)
def test_a_preloaded_network(board, case, dead_channels, resident, monkeypatch):
    graph, program = compiled(case, board, dead_channels=dead_channels, resident=resident)
    if resident and program.preload is None:
        pytest.skip("its weights don't fit in the buffers")
    device = Device(board)
    with monkeypatch.context() as patched:
        # The driver's own writes go by the back door while it loads, and over the line after.
        patched.setattr(board, "write_memory", board.preload)
        device.load(program)
    cycles = run(device, graph, case.examples(1)[0])
    expected = predict(program, board.board.memory_model).cycles
    print(
        f"{board.board.name} {case.path.stem} {dead_channels} {resident}: "
        f"{cycles} cycles, {expected} expected"
    )
    assert abs(expected / cycles - 1) < 0.1
