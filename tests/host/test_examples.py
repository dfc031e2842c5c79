# SPDX-License-Identifier: Apache-2.0
"""The examples for boards, on a device that doesn't exist."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host import connections
from dpu_spec.program import to_bytes
from tests.host.fake_device import FakeDevice
from tests.host.test_driver import CONFIGURATION, MODEL

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
IMAGES = EXAMPLES / "digits" / "images"
LABELS = EXAMPLES / "digits" / "labels.txt"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return programs by their number of frames."""
    graph, folder = read_model(MODEL), tmp_path_factory.mktemp("programs")
    found = {}
    for frames in (1, 3):
        found[frames] = folder / f"{frames}.dpu"
        found[frames].write_bytes(to_bytes(compile_graph(graph, CONFIGURATION, frames=frames)))
    return found


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(connections, "_kinds", dict(connections._kinds))
    connections.register("fake", "fake", lambda where: FakeDevice(CONFIGURATION))

    def call(name: str, *arguments: object, device: str = "fake") -> list[str]:
        script = EXAMPLES / "board" / f"{name}.py"
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments), "--device", device])
        monkeypatch.syspath_prepend(str(script.parent))
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out.splitlines()

    return call


def test_one_picture(run, programs: dict[int, Path]) -> None:
    for program in programs.values():
        lines = run("classify_image", program, IMAGES / "7_a.png", "--labels", LABELS)
        names = LABELS.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(names[7])
        assert len(lines) == 4
        assert lines[3].startswith("1001 cycles")


@pytest.mark.parametrize("frames", [1, 3])
def test_a_folder(run, programs: dict[int, Path], frames: int) -> None:
    lines = run("stream_folder", programs[frames], IMAGES)
    pictures = sorted(IMAGES.glob("*.png"))
    assert [line.partition(":")[0] for line in lines[:-1]] == [path.name for path in pictures]
    right = sum(line.split()[2] == line[0] for line in lines[:-1])
    # The network's own accuracy on them; all pictures are in its README.
    graph = read_model(MODEL)
    (source,), (output,) = graph.inputs, graph.outputs
    expected = 0
    for path in pictures:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L"), np.int16)
        values = (pixels - 128).astype(np.int8).reshape(1, 28, 28, 1)
        expected += int(graph.run({source: values})[output].argmax()) == int(path.name[0])
    assert right == expected > 10
    assert lines[-1].endswith(f"{frames} a start")


def test_latency(run, programs: dict[int, Path]) -> None:
    lines = run("latency", programs[1], "--runs", 3)
    assert lines[0] == "3 inferences, 1 frames each"
    assert lines[1] == "cycles of the DPU: min 1001, median 1002, max 1003"
    assert lines[2].startswith("ms with the link: min ")


def test_errors_are_one_message(run, programs: dict[int, Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^error: none: no such kind of device; there are: fake"):
        run("classify_image", programs[1], IMAGES / "7_a.png", device="none")
    with pytest.raises(SystemExit, match=r"^error: .*there is no such port"):
        run("latency", programs[1], device="uart:/dev/tty-none")
    with pytest.raises(SystemExit, match=r"^error: .*has no PNG or JPEG"):
        run("stream_folder", programs[1], tmp_path)
    with pytest.raises(SystemExit, match=r"^error: "):
        run("classify_image", programs[1], LABELS)
    with pytest.raises(SystemExit, match=r"^error: "):
        run("classify_image", tmp_path / "none.dpu", IMAGES / "7_a.png")
    with pytest.raises(SystemExit, match=r"^error: --runs"):
        run("latency", programs[1], "--runs", 0)
