# SPDX-License-Identifier: Apache-2.0
"""What generation writes."""

import hashlib
import json
import re

import pytest

from dpu_hw.family import Family
from dpu_hw.generate import CORE, FILE_LIST, VERILOG, generate
from dpu_spec.configuration import from_file
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.presets import PRESETS
from dpu_spec.registers import REGISTERS


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated") / "new" / "folder"
    manifest = generate(PRESETS["tiny"], folder)
    return folder, json.loads(manifest.read_text())


def test_manifest_stands_for_the_configuration(generated):
    folder, manifest = generated
    assert from_file(folder / "manifest.json") == PRESETS["tiny"]
    assert manifest["configuration_hash"] == PRESETS["tiny"].hash


def test_manifest_describes_the_verilog(generated):
    folder, manifest = generated
    text = (folder / VERILOG).read_bytes()
    assert hashlib.sha256(text).hexdigest() == manifest["verilog_sha256"]
    header = re.search(r"^module dpu\((.*?)\);(.*?)^endmodule", text.decode(), re.S | re.M)
    assert header
    names = {name.strip() for name in header[1].split(",")}
    assert names == {port["name"] for port in manifest["ports"]}
    for port in manifest["ports"]:
        width = rf"\[{port['width'] - 1}:0\] " if port["width"] > 1 else ""
        assert re.search(rf"^ *{port['direction']} {width}{port['name']};", header[2], re.M), port


@pytest.mark.parametrize(
    ("name", "direction", "width"),
    [
        ("axi__awaddr", "output", 32),
        ("axi__wdata", "output", 32),
        ("axi__wstrb", "output", 4),
        ("axi__arlen", "output", 8),
        ("axi__rlast", "input", 1),
        ("control__awaddr", "input", 16),
        ("control__rdata", "output", 32),
        ("interrupt", "output", 1),
        ("trace__start", "output", 6),
        ("trace__write_valid", "output", 4),
        ("trace__write_address", "output", 64),
        ("trace__write_data", "output", 128),
    ],
)
def test_ports_have_their_names(generated, name, direction, width):
    _, manifest = generated
    port = next(port for port in manifest["ports"] if port["name"] == name)
    assert (port["direction"], port["width"]) == (direction, width)


def test_manifest_has_registers_and_instruction_sizes(generated):
    _, manifest = generated
    addresses = {register["name"]: register["address"] for register in manifest["registers"]}
    assert addresses == {register.name: register.address for register in REGISTERS}
    sizes = manifest["instruction_bytes"]
    assert sizes == {engine.name.lower(): size for engine, size in INSTRUCTION_BYTES.items()}


def test_file_list_and_core_name_the_verilog(generated):
    folder, _ = generated
    assert (folder / FILE_LIST).read_text().split() == [VERILOG]
    core = (folder / CORE).read_text()
    assert core.startswith("CAPI=2:\n")
    assert f"- {VERILOG}\n" in core


@pytest.mark.parametrize(
    ("family", "cell"),
    [(Family.ECP5, "MULT18X18D"), (Family.XC7, "DSP48E1"), (Family.GOWIN, "MULT18X18")],
)
def test_a_family_names_its_cells(generated, family, cell, tmp_path):
    manifest = json.loads(generate(PRESETS["tiny"], tmp_path, family=family).read_text())
    assert manifest["family"] == family.value
    named = re.compile(rf"^ *{cell} ", re.M)
    assert named.search((tmp_path / VERILOG).read_text())
    folder, portable = generated
    assert portable["family"] == "portable"
    assert not named.search((folder / VERILOG).read_text())
    assert manifest["ports"] == portable["ports"]


@pytest.mark.slow
def test_bytes_are_the_same_again(generated, tmp_path):
    folder, _ = generated
    generate(PRESETS["tiny"], tmp_path)
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_something_else_is_refused(tmp_path):
    with pytest.raises(TypeError, match="Configuration"):
        generate("tiny", tmp_path)
