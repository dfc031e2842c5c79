# SPDX-License-Identifier: Apache-2.0
"""``dpu bench``: its table, its file, its inputs, on measurements that are made up."""

from pathlib import Path

import numpy as np
import pytest

from dpu_host.cli import bench, benchmarks
from dpu_host.cli.benchmarks import Benchmark
from dpu_host.cli.machines import EmulatorMachine, Measurement, Outcome
from dpu_host.cli.mobilenet_v1 import mobilenet_v1
from dpu_host.cli.sources import Source, open_model
from dpu_host.errors import DeviceError
from dpu_spec.configuration import Configuration
from dpu_spec.presets import PRESETS
from tests.e2e.conftest import DIGITS, Dpu
from tests.e2e.test_cli_errors import refused

FAKE = Benchmark(
    network="vww_96_int8",
    preset="b128",
    cycles=70_000,
    predicted=70_700,
    utilization_array=0.8345,
    utilization_all=0.5,
    utilization_depthwise=0.75,
    dram_bytes=1_234_567,
    floor=52_000,
    dead_channels=1_958,
    channels=2_996,
    cycles_without=36_000,
    cycles_of_stream=66_000.25,
    speed=61_234.4,
    tensors=59,
)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def table(text: str) -> list[list[str]]:
    return [cells(line) for line in text.splitlines() if line.startswith("|")]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let networks be measured without RTL; return the names of those that were."""
    names = []

    def measure(network: str, name: str, configuration: Configuration, models: Path) -> Benchmark:
        names.append(network)
        if network == "broken":
            raise DeviceError("the DPU stopped:\nno answer.")
        return Benchmark(network, name, cycles=100, predicted=99, tensors=3)

    monkeypatch.setattr(bench, "measure", measure)
    return names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of models, of which there are a few, empty."""
    models = tmp_path / "models"
    models.mkdir()
    for name in ("vww_96_int8", "kws_ref_model", "broken"):
        (models / f"{name}.tflite").touch()
    return models


def test_row() -> None:
    assert cells(benchmarks.row(FAKE)) == [
        *("vww_96_int8", "b128", "70,000", "70,700", "+1.0 %", "83.5 %", "50.0 %"),
        *("75.0 %", "1,234,567", "52,000", "1,958 of 2,996", "36,000", "66,001"),
        *("205,022", "61,234/s", "yes (59 tensors)"),
    ]


def test_row_of_what_is_not_exact_or_did_not_run() -> None:
    wrong = Benchmark("other", "tiny", cycles=200, predicted=100, tensors=9, differences=2)
    found = cells(benchmarks.row(wrong))
    assert found[4] == "-50.0 %"
    assert found[7] == "–"  # It has no depthwise layer.
    assert found[-3:] == ["–", "0/s", "**no** (2 of 9 tensors differ)"]
    assert not wrong.exact
    stopped = Benchmark("other", "tiny", problem="it stopped")
    assert len(cells(benchmarks.row(stopped))) == len(found)
    assert cells(benchmarks.row(stopped))[-1] == "did not run: it stopped"
    assert not stopped.exact
    assert FAKE.exact


def test_sections_of_other_presets_stay() -> None:
    own = benchmarks.section("b256", [], ["somewhere"])
    text = benchmarks.merged("", "b256", own)
    assert "Left out, because the models were not there: somewhere." in text
    both = benchmarks.merged(text, "b128", benchmarks.section("b128", [FAKE], []))
    assert own in both
    # In the order of the presets, whichever ran first; again the same bytes.
    assert both.index("## b128") < both.index("## b256")
    assert benchmarks.merged(both, "b256", own) == both
    assert benchmarks.rows_of(both, "b128") == {"vww_96_int8": benchmarks.row(FAKE)}
    assert both.startswith("<!-- SPDX")
    assert benchmarks.MARK in both
    assert both.endswith(("|\n", ".\n"))


def test_rows_of_another_table_are_dropped() -> None:
    text = benchmarks.merged("", "b128", benchmarks.section("b128", [FAKE], []))
    assert "vww_96_int8" in benchmarks.rows_of(text, "b128")
    older = (
        text.replace(" | 36,000", "")
        .replace(" | without them", "")
        .replace(" | ---: | --- |", " | --- |")
    )
    assert not benchmarks.rows_of(older, "b128")


def test_whole_table(dpu: Dpu, measured: list[str], folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.md"
    result = dpu("bench", "--models", folder, "-o", path)
    assert result.status == 0, result.err
    assert measured == ["vww_96_int8", "kws_ref_model", "digits"]
    assert "note: ad01_int8 is left out: there is no" in result.err
    title, _, *rows = table(path.read_text())
    assert title[-2:] == ["simulated", "exact"]
    assert [row[0] for row in rows] == measured
    assert all(len(row) == len(title) for row in rows)
    assert table(result.out) == table(path.read_text())
    assert "Left out, because the models were not there: pretrainedResnet_quant, ad01_int8" in (
        path.read_text()
    )
    first = path.read_bytes()
    assert dpu("bench", "--models", folder, "-o", path).status == 0
    assert path.read_bytes() == first


def test_some_networks(dpu: Dpu, measured: list[str], folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.md"
    path.write_text(benchmarks.merged("", "b128", benchmarks.section("b128", [FAKE], [])))
    result = dpu("bench", "--models", folder, "-o", path, "--networks", "kws_ref_model,digits")
    assert result.status == 0, result.err
    assert measured == ["kws_ref_model", "digits"]
    rows = table(path.read_text())[2:]
    assert [row[0] for row in rows] == ["kws_ref_model", "digits", "vww_96_int8"]
    assert rows[-1] == cells(benchmarks.row(FAKE))


def test_configuration_file(dpu: Dpu, measured: list[str], folder: Path, tmp_path: Path) -> None:
    path, file = tmp_path / "b.md", tmp_path / "mine.toml"
    call = ("bench", "--models", folder, "-o", path, "--networks", "digits")
    file.write_text('preset = "b128"\nweight_words = 4096\n')
    result = dpu(*call, "--config", file)
    assert result.status == 0, result.err
    own = Configuration(weight_words=4096)
    assert table(result.out)[2][:2] == ["digits", f"custom-{own.hash:08x}"]
    # What equals a preset has its name.
    file.write_text("lanes = 8\n")
    assert table(dpu(*call, "--config", file).out)[2][:2] == ["digits", "b128"]
    headings = [line for line in path.read_text().splitlines() if line.startswith("## ")]
    assert headings == ["## b128", f"## custom-{own.hash:08x}"]
    refused(dpu(*call, "--config", file, "--preset", "b128"), "given both")


def test_failure(dpu: Dpu, measured: list[str], folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.md"
    result = dpu("bench", "--models", folder, "-o", path, "--networks", "broken,digits")
    assert result.status == 1
    assert "failure: not exact, or did not run: broken." in result.err
    rows = table(path.read_text())[2:]
    assert [row[-1] for row in rows] == [
        "did not run: the DPU stopped: no answer.",
        "yes (3 tensors)",
    ]


def test_user_errors(dpu: Dpu, measured: list[str], folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.md"
    refused(dpu("bench", "--preset", "huge", "-o", path), "no such preset")
    refused(dpu("bench", "--models", tmp_path / "none", "-o", path), "there is no such folder")
    absent = dpu("bench", "--models", folder, "--networks", "nothing", "-o", path)
    refused(absent, "nothing: there is no", "DPU_MODELS")
    refused(dpu("bench", "--models", folder, "-o", tmp_path / "a" / "b"), "no folder")
    path.write_text("my own notes\n")
    refused(dpu("bench", "--models", folder, "-o", path), "was not written by `dpu bench`")
    assert path.read_text() == "my own notes\n"
    assert not measured


def test_models_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DPU_MODELS", str(tmp_path))
    assert bench.models_folder(None) == tmp_path
    monkeypatch.delenv("DPU_MODELS")
    assert bench.models_folder(None) == DIGITS.parents[2] / "shared" / "models"


def test_inputs(network: Path, tmp_path: Path) -> None:
    source = Source(network, open_model(network), None)
    models, data = tmp_path / "models", tmp_path / "data"
    data.mkdir()
    # The bundled picture; the first example of an archive of pixels or an array; random bytes.
    (index,) = source.inputs
    bundled = bench.example("digits", source, models)[index]
    assert bundled.shape == (1, 28, 28, 1)
    pixels = np.random.default_rng(2).integers(0, 256, (2, 28, 28), dtype=np.uint8)
    np.savez(data / bench.DATA["mnist_dw_q"], x=pixels, y=np.zeros(2))
    found = bench.example("mnist_dw_q", source, models)[index]
    np.testing.assert_array_equal(found[0, :, :, 0].astype(int) + 128, pixels[0])
    stack = np.arange(2 * 784, dtype=np.int64).astype(np.int8).reshape(2, 28, 28, 1)
    np.save(data / bench.DATA["kws_ref_model"], stack)
    np.testing.assert_array_equal(
        bench.example("kws_ref_model", source, models)[index][0], stack[0]
    )
    for name in ("vww_96_int8", "another"):
        found = bench.example(name, source, models)[index]
        assert found.dtype == np.int8
        assert found.min() == -128
        assert found.max() == 127
        np.testing.assert_array_equal(found, bench.example(name, source, models)[index])


def test_measure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Machine(EmulatorMachine):
        """The emulator with cycles."""

        def run(self, inputs: dict[int, np.ndarray], *, tensors: bool) -> Outcome:
            outcome = super().run(inputs, tensors=tensors)
            outcome.measurement = Measurement(cycles=10_000, read_bytes=30, write_bytes=4)
            return outcome

    monkeypatch.setattr(bench, "make_machine", lambda on, source, c: Machine(source.compile(c)))
    found = bench.measure("digits", "b128", PRESETS["b128"], tmp_path)
    assert found.cycles == 10_000
    assert 5_000 < found.predicted < 12_000
    assert found.utilization_array == pytest.approx(769_952 / 10_000 / 128)
    assert found.utilization_all == pytest.approx(769_952 / 10_000 / 200)
    assert found.dram_bytes == 34
    assert found.floor == 5_284  # 676,352 / 128
    assert (found.dead_channels, found.channels, found.cycles_without) == (0, 756, None)
    assert found.cycles_of_stream == 2_500  # One start of four.
    assert found.exact
    assert found.tensors == 15


def test_the_generated_network_is_made_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = []

    def small() -> bytes:
        made.append(mobilenet_v1(size=32, width=0.25, classes=10))
        return made[-1]

    monkeypatch.setenv("DPU_CACHE", str(tmp_path))
    monkeypatch.setattr(bench.mobilenet_v1, "mobilenet_v1", small)
    paths = [bench.model_path(bench.GENERATED, tmp_path / "none") for _ in range(2)]
    assert paths[0] == paths[1]
    assert [paths[0].read_bytes()] == made
    source = Source(paths[0], open_model(paths[0]), None)
    (found,) = bench.example(bench.GENERATED, source, tmp_path).values()
    assert found.shape == (1, 32, 32, 3)
    assert found.dtype == np.int8
