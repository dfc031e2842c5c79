# SPDX-License-Identifier: Apache-2.0
"""Copies of the sources with a fault in them, and tests that run on a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants.faults import Fault

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("spec", "hw", "compiler", "sim", "host", "boards")
COPIED = (*SOURCES, "tests", "examples", "pyproject.toml")
#: Seconds that the tests of one fault may take.
TIMEOUT = 900.0
#: What pytest's exit status says.
PASSED, FAILED = 0, 1


def changed(fault: Fault, root: Path = ROOT) -> str:
    """Return the source with its fault; raise :exc:`ValueError` where it can't be planted."""
    text = (root / fault.file).read_text(encoding="utf-8")
    count = text.count(fault.old)
    if count != 1:
        raise ValueError(
            f"{fault.name}: {fault.file} has {count} times what should be changed once: "
            f"{fault.old!r}; adapt tests/mutants/faults.py to the source."
        )
    return text.replace(fault.old, fault.new)


def copy_sources(folder: Path) -> None:
    """Copy all that tests need."""
    ignored = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copyfile(source, folder / name)


def _environment(folder: Path, cache: Path) -> dict[str, str]:
    # Ahead of the installed packages.
    path = os.pathsep.join(str(folder / name) for name in SOURCES)
    own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "DPU_CACHE": str(cache)}
    return {**os.environ, **own}


def check_copy(folder: Path, cache: Path) -> None:
    """Raise :exc:`RuntimeError` unless Python imports the packages from the copy."""
    packages = ("dpu_spec", "dpu_hw", "dpu_compiler", "dpu_golden", "dpu_sim", "dpu_host")
    code = f"import {', '.join(packages)}\nfor m in {', '.join(packages)}: print(m.__file__)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=_environment(folder, cache),
        capture_output=True,
        text=True,
        check=True,
    )
    for line in run.stdout.splitlines():
        if not Path(line).resolve().is_relative_to(folder.resolve()):
            raise RuntimeError(f"{line} is not the copy in {folder}")


def run_tests(
    folder: Path, cache: Path, tests: Sequence[str], *options: str
) -> tuple[int | None, str, float]:
    """Run tests on a copy; return pytest's status (None: no end), its output and the seconds."""
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            env=_environment(folder, cache),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        return None, "", time.monotonic() - started
    return run.returncode, run.stdout, time.monotonic() - started
