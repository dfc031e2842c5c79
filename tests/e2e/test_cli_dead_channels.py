# SPDX-License-Identifier: Apache-2.0
"""Commands on a network with dead channels, with them and without."""

import json
from pathlib import Path

import numpy as np
import pytest

import dpu_spec.program
from dpu_host.cli import bench
from dpu_host.cli.machines import EmulatorMachine, Measurement, Outcome
from dpu_spec.presets import PRESETS
from tests.e2e import networks
from tests.e2e.conftest import Dpu
from tests.e2e.test_cli_errors import refused

LEFT_OUT = "dead channels: 20 of 40 left out; the cycle model expects"
COULD = "dead channels: 20 of 40 could be left out; the cycle model expects"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the network with dead channels."""
    return networks.dead_channels(tmp_path / "dead.tflite")


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """Return an input of the network."""
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(3).integers(-128, 128, (1, 6, 6, 8)).astype(np.int8))
    return path


def results(model: Path) -> list[int]:
    """Return the tensors that the layers make."""
    graph = bench.open_model(model)
    return [op.outputs[0] for op in graph.operators]


def test_check_and_dump(dpu: Dpu, model: Path, feed: Path, tmp_path: Path) -> None:
    first, second, third = results(model)
    stats, folder = tmp_path / "s.json", tmp_path / "dump"
    result = dpu(
        *("run", model, "--input", feed, "--preset", "tiny", "--check", "--json", stats),
        *("--dump", folder),
    )
    assert result.status == 0, result.err
    assert "16 channels of these tensors are constant for every input" in result.out
    assert "4 channels of these tensors were not computed" in result.out
    assert f"only a part of the tensors [{first}] exists" in result.err
    assert not (folder / f"{first}.npy").exists()
    found = json.loads(stats.read_text())
    assert found["bit_exact"]
    assert found["channels_not_computed"] == 4
    # The first without the 4, all others whole, and the input.
    assert found["elements_compared"] == 36 * (12 + 16 + 8 + 8)
    dead = found["dead_channels"]
    assert (dead["left_out"], dead["removable"], dead["channels"]) == (True, 20, 40)
    assert found["cycles_estimated"] == dead["cycles_estimated_without"]
    assert dead["cycles_estimated_without"] < dead["cycles_estimated_with_them"]

    whole, all_stats = tmp_path / "whole", tmp_path / "a.json"
    result = dpu(
        *("run", model, "--input", feed, "--preset", "tiny", "--check", "--dump", whole),
        *("--json", all_stats, "--no-dead-channels"),
    )
    assert result.status == 0, result.err
    assert "not computed" not in result.out
    assert (whole / f"{first}.npy").exists()
    for index in (second, third):
        np.testing.assert_array_equal(
            np.load(folder / f"{index}.npy"), np.load(whole / f"{index}.npy")
        )
    other = json.loads(all_stats.read_text())
    assert other["dead_channels"] == dead | {"left_out": False}
    assert other["cycles_estimated"] == dead["cycles_estimated_with_them"]
    assert other["channels_not_computed"] == 0
    assert other["macs"] == found["macs"]


@pytest.mark.rtl
def test_channels_count_once(dpu: Dpu, model: Path, feed: Path, tmp_path: Path) -> None:
    """On the RTL two examples are a stream, and one of them runs alone as well."""
    pair = tmp_path / "pair.npy"
    np.save(pair, np.concatenate([np.load(feed)] * 2))
    result = dpu("run", model, "--input", pair, "--preset", "tiny", "--check", "--on", "rtl")
    assert result.status == 0, result.err
    assert "16 channels of these tensors are constant for every input" in result.out
    assert "4 channels of these tensors were not computed" in result.out


def test_wrong_constants_are_found(
    dpu: Dpu, model: Path, feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A constant that the model doesn't have is a difference, though nothing computes it."""
    program = tmp_path / "p.dpu"
    assert dpu("compile", model, "--preset", "tiny", "-o", program).status == 0
    real = dpu_spec.program.Tensor

    def tensor(*fields: object) -> object:
        found = real(*fields)
        shifted = tuple((c, v + 1) for c, v in found.constants)
        return real(*fields[:-1], shifted) if shifted else found

    monkeypatch.setattr(dpu_spec.program, "Tensor", tensor)
    result = dpu("run", program, "--model", model, "--input", feed, "--check")
    assert result.status == 1
    assert "(CONV_2D, first)" in result.err
    assert "2 tensors in all" in result.err


def test_estimate(dpu: Dpu, model: Path) -> None:
    on = dpu("estimate", model, "--preset", "tiny")
    off = dpu("estimate", model, "--preset", "tiny", "--no-dead-channels")
    assert LEFT_OUT in on.out
    assert COULD in off.out
    both = on.out.partition(LEFT_OUT)[2].partition("\n")[0]
    assert both == off.out.partition(COULD)[2].partition("\n")[0]
    with_them, _, _, _, without, _ = both.split()
    assert f"expected: {with_them} cycles" in off.out
    assert f"expected: {without} cycles" in on.out


def test_programs_are_one_or_the_other(
    dpu: Dpu, model: Path, feed: Path, network: Path, picture: Path, tmp_path: Path
) -> None:
    on, off = tmp_path / "on.dpu", tmp_path / "off.dpu"
    result = dpu("compile", model, "--preset", "tiny", "-o", on)
    assert LEFT_OUT in result.out
    result = dpu("compile", model, "--preset", "tiny", "-o", off, "--no-dead-channels")
    assert COULD in result.out
    refused(
        dpu("run", on, "--input", feed, "--no-dead-channels"),
        "was compiled without its dead channels",
        "compile the model again with --no-dead-channels",
    )
    refused(dpu("estimate", off, "--dead-channels"), "was compiled with its dead channels")
    assert dpu("run", on, "--input", feed).status == 0
    assert dpu("run", off, "--input", feed, "--no-dead-channels").status == 0
    # Where there are none it is all the same.
    none = tmp_path / "none.dpu"
    assert "dead channels: none of 756" in dpu("compile", network, "-o", none).out
    assert dpu("run", none, "--input", picture, "--no-dead-channels").status == 0


def test_info(dpu: Dpu, model: Path) -> None:
    assert "dead channels: 20 of 40 left out" in dpu("info", model).out


def test_bench(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The main numbers are with all channels, the other variant has a column."""

    class Machine(EmulatorMachine):
        """The emulator with the model's cycles."""

        def run(self, inputs: dict[int, np.ndarray], *, tensors: bool) -> Outcome:
            outcome = super().run(inputs, tensors=tensors)
            dead = self._program.dead_channels
            assert dead is not None
            assert dead.estimated_cycles is not None
            cycles = dead.estimated_cycles[dead.on]
            outcome.measurement = Measurement(cycles=cycles, read_bytes=30, write_bytes=4)
            return outcome

    monkeypatch.setattr(bench, "make_machine", lambda on, source, c: Machine(source.compile(c)))
    found = bench.measure("dead", "tiny", PRESETS["tiny"], tmp_path)
    assert (found.dead_channels, found.channels) == (20, 40)
    assert found.cycles == found.predicted
    assert found.cycles_without is not None
    assert found.cycles_without < found.cycles
    assert found.tensors == 4
    assert found.exact
