# SPDX-License-Identifier: Apache-2.0
"""The commands beside ``dpu run``."""

import dataclasses
import json
from pathlib import Path

import numpy as np

import dpu_spec.program
from dpu_spec.presets import PRESETS
from tests.e2e import networks
from tests.e2e.conftest import Dpu


def test_help(dpu: Dpu) -> None:
    result = dpu("--help")
    first = ("generate", "presets", "compile", "disassemble", "info")
    for command in (*first, "estimate", "run", "demo", "bench"):
        assert f" {command} " in result.out
        assert "Usage" in dpu(command, "--help").out


def test_presets(dpu: Dpu) -> None:
    result = dpu("presets")
    assert result.status == 0
    for name in PRESETS:
        assert name in result.out
    assert "8 x 16 = 128 multipliers" in result.out


def test_compile(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.dpu"
    result = dpu("compile", network, "--preset", "tiny", "-o", path)
    assert result.status == 0
    assert "on the host: SOFTMAX" in result.out
    program = dpu_spec.program.from_file(path)
    assert program.configuration == PRESETS["tiny"]


def test_compile_without_instructions(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.host_only(tmp_path / "m.tflite")
    result = dpu("compile", model, "-o", tmp_path / "p.dpu")
    assert "instructions: none\n" in result.out
    assert "on the host: SOFTMAX" in result.out


def test_names_cannot_control_the_terminal(dpu: Dpu, tmp_path: Path) -> None:
    model, feed = networks.strange_names(tmp_path / "m.tflite"), tmp_path / "x.npy"
    np.save(feed, np.zeros((1, 4), np.int8))
    program = tmp_path / "p.dpu"
    assert dpu("compile", model, "-o", program).status == 0
    damaged = dataclasses.replace(
        dpu_spec.program.from_file(program), model="m\x1b[2J", layers=(), steps=()
    )
    (tmp_path / "q.dpu").write_bytes(dpu_spec.program.to_bytes(damaged))
    results = [
        dpu("info", model),
        dpu("estimate", model),
        dpu("run", model, "--input", feed),
        dpu("run", model, "--input", f"z={feed}", "--input", feed),
        dpu("disassemble", program),
        dpu("disassemble", tmp_path / "q.dpu"),
    ]
    shown = "".join(result.out + result.err for result in results)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert "x\\x1b[31m\\nred" in shown
    assert "[bold]y" in results[1].out
    assert "m\\x1b[2J" in results[-1].out


def test_configuration_file(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    file, path = tmp_path / "mine.toml", tmp_path / "p.dpu"
    file.write_text('preset = "b128"\nweight_words = 4096\n')
    assert dpu("compile", network, "--config", file, "-o", path).status == 0
    assert dpu_spec.program.from_file(path).configuration.weight_words == 4096


def test_manifest_as_configuration(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    configuration = PRESETS["tiny"]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(
        json.dumps({"architecture_version": 1, "configuration": configuration.parameters()})
    )
    for option in ("--config", "--preset"):
        path = tmp_path / f"p{option}.dpu"
        assert dpu("compile", network, option, manifest, "-o", path).status == 0
        assert dpu_spec.program.from_file(path).configuration == configuration


def test_disassemble(dpu: Dpu, program: Path) -> None:
    result = dpu("disassemble", program)
    assert result.status == 0
    assert "step 0: DPU" in result.out
    assert "CONV_PATCH" in result.out
    assert "signal=conv" in result.out
    assert "; layer 0 CONV_2D, tensor 25 from [0, 0, 0]" in result.out
    assert "SOFTMAX: 37 " in result.out


def test_info(dpu: Dpu, network: Path) -> None:
    result = dpu("info", network)
    assert result.status == 0
    assert "input 0 serving_default_image:0: int8 [1, 28, 28, 1]" in result.out
    assert "14 operators, 769,952 MACs (conv 676,352, depthwise 93,600)" in result.out
    assert "on the host: operator 13 (SOFTMAX" in result.out
    assert "its exponentials" in result.out


def test_info_of_a_configuration(dpu: Dpu, tmp_path: Path) -> None:
    model = networks.one_channel(tmp_path / "m.tflite")
    assert "(conv 204,800)" in dpu("info", model, "--preset", "b128").out
    result = dpu("info", model)
    assert "(conv 204,800)" in result.out
    assert "its single channel comes from DRAM" in " ".join(result.out.split())
    result = dpu("info", model, "--preset", "tiny")
    assert "(depthwise 204,800)" in result.out
    assert "every rule holds" in result.out


def test_info_names_the_rule(dpu: Dpu, tmp_path: Path) -> None:
    result = dpu("info", networks.float_ends(tmp_path / "m.tflite"))
    assert "operator 0 (QUANTIZE" in result.out
    assert "Activations are int8" in result.out
    assert "12 values" in result.out


def test_generate(dpu: Dpu, tmp_path: Path) -> None:
    folder = tmp_path / "hardware"
    result = dpu("generate", "--preset", "tiny", "-o", folder)
    assert result.status == 0
    names = ["dpu.v", "manifest.json", "dpu.f", "dpu.core"]
    assert result.out.split() == [str(folder / name) for name in names]
    assert all((folder / name).is_file() for name in names)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["configuration"] == PRESETS["tiny"].parameters()
    assert manifest["family"] == "portable"


def test_generate_for_a_family(dpu: Dpu, tmp_path: Path) -> None:
    assert dpu("generate", "--preset", "tiny", "--family", "xc7", "-o", tmp_path).status == 0
    assert json.loads((tmp_path / "manifest.json").read_text())["family"] == "xc7"
    assert "DSP48E1" in (tmp_path / "dpu.v").read_text()


def test_demo_on_the_emulator(dpu: Dpu) -> None:
    result = dpu("demo", "--on", "emulator", "--preset", "tiny")
    assert result.status == 0
    assert "20 of 20 digits are recognized" in result.out
    assert "every byte equals the golden model" in result.out
    assert "▀" in result.out
