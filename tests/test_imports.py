# SPDX-License-Identifier: Apache-2.0
"""Imports point one way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "dpu_spec": "spec",
    "dpu_hw": "hw",
    "dpu_compiler": "compiler",
    "dpu_golden": "sim",
    "dpu_sim": "sim",
    "dpu_host": "host",
    "dpu_boards": "boards",
}
PACKAGES = frozenset(FOLDERS)
# The RTL harness needs Verilog text only, so that dpu_sim need not import the hardware.
ALLOWED = {
    "dpu_spec": frozenset[str](),
    "dpu_hw": frozenset({"dpu_spec"}),
    "dpu_compiler": frozenset({"dpu_spec", "dpu_golden"}),
    "dpu_golden": frozenset[str](),
    "dpu_sim": frozenset({"dpu_spec", "dpu_golden"}),
    "dpu_host": frozenset({"dpu_spec", "dpu_golden"}),
    "dpu_boards": PACKAGES,
}


def allowed(package: str, path: Path) -> frozenset[str]:
    """Return the packages that one file may import, its own apart."""
    relative = path.relative_to(ROOT / FOLDERS[package] / package)
    if package == "dpu_host" and relative.parts[0].startswith("cli"):
        return PACKAGES
    return ALLOWED[package]


def imported(path: Path) -> set[tuple[int, str]]:
    """Return (line, top-level name) of each absolute import, nested ones included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            found |= {(node.lineno, alias.name.split(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add((node.lineno, node.module.split(".")[0]))
    return found


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_imports_point_one_way(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted((ROOT / FOLDERS[package] / package).rglob("*.py"))
        for line, name in sorted(imported(path))
        if name in PACKAGES - allowed(package, path) - {package}
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", ["dpu_spec", "dpu_golden"])
def test_no_amaranth_outside_the_hardware(package: str) -> None:
    for path in sorted((ROOT / FOLDERS[package] / package).rglob("*.py")):
        assert not {name for _, name in imported(path)} & {"amaranth"}, path


def test_golden_model_is_numpy_only() -> None:
    for path in sorted((ROOT / "sim" / "dpu_golden").rglob("*.py")):
        names = {name for _, name in imported(path)}
        assert not names & {"tflite_micro", "tensorflow", "onnxruntime", "cocotb"}, path
