# SPDX-License-Identifier: Apache-2.0
"""Images of few channels on a DPU without a patch reader, and what it makes of a CONV_PATCH."""

import dataclasses

import numpy as np
import pytest

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_bytes
from dpu_host.errors import ConfigurationMismatchError
from dpu_spec.instruction import Engine, Instruction
from dpu_spec.isa import CONV, CONV_PATCH, encode
from dpu_spec.presets import preset
from dpu_spec.program import Program
from dpu_spec.registers import Error
from tests.compiler.nets import Net
from tests.e2e import robust_networks
from tests.e2e.cases import instructions, network_case
from tests.e2e.rig import Rig
from tests.support.hardware import run_on_rtl
from tests.support.judge import compare, expected_tensors, judge

CONFIG = preset("b16")
#: Lanes enough for a patch reader to save passes of an RGB image.
WIDE = dataclasses.replace(preset("b128"), patch_reader=0)


def image(channels: int, *, planar: bool) -> bytes:
    """Return a network like the first layers of those for images."""
    net = Net()
    if planar:
        x = net.input((1, channels, 12, 10))
        x = net.add_operator("TRANSPOSE", [x, net.numbers(0, 2, 3, 1)], (1, 12, 10, channels))
    else:
        x = net.input((1, 12, 10, channels))
    x = net.conv(x, 9, stride=(2, 2))
    x = net.depthwise(x)
    x = net.conv(x, 6, (1, 1))
    x = net.dense(x, 3)
    return net.finish(net.inputs, [x])


@pytest.mark.rtl
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_images(channels, planar):
    model = image(channels, planar=planar)
    graph = read_bytes(model, source="image")
    rng = np.random.default_rng(channels)
    shape = graph.tensors[graph.inputs[0]].shape
    feeds = {graph.inputs[0]: rng.integers(-128, 128, shape).astype(np.int8)}
    expected = expected_tensors(graph, model, feeds)
    for configuration in (WIDE, CONFIG):
        verdict = judge(model, feeds, configuration, expected)
        assert verdict.seen == verdict.computed
    compare(graph, run_on_rtl(verdict.program, feeds, 1), expected)


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    with Rig(CONFIG, tmp_path_factory.mktemp("rig")) as machine:
        yield machine


def patched(program: Program) -> tuple[Program, int]:
    """Return a program with a CONV_PATCH in place of its second CONV, and that one's index."""
    convolutions = [each for each in instructions(program) if each[0] is Engine.CONV]
    _, index, at, data = convolutions[1]
    assert data[0] == CONV.opcode
    patch = encode(Instruction(CONV_PATCH, {"rows": 1, "columns": 1, "ring_words": 1}))
    image = program.image[:at] + patch + program.image[at + len(data) :]
    return dataclasses.replace(program, image=image), index


@pytest.mark.rtl
def test_a_patch_is_an_unknown_opcode(rig):
    small = network_case(robust_networks.small(), CONFIG)
    before = rig.check(small).cycles
    program, index = patched(small.program)
    rig.device.load(program)
    status = rig.run()
    assert status["error"] == Error.OPCODE
    assert (status["error_engine"], status["error_instruction"]) == (Engine.CONV, index)
    # It leaves no trace.
    assert rig.check(small).cycles == before


@pytest.mark.rtl
def test_a_program_for_a_patch_reader_is_refused(rig):
    graph = read_bytes(image(1, planar=False), source="image")
    program = compile_graph(graph, dataclasses.replace(CONFIG, patch_reader=1))
    formats = {i.format for i in program.instructions(program.steps[0], Engine.CONV)}
    assert CONV_PATCH in formats
    with pytest.raises(ConfigurationMismatchError) as caught:
        rig.device.load(program)
    assert caught.value.differences == ["patch_reader is 0, not 1"]
