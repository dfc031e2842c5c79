# SPDX-License-Identifier: Apache-2.0
"""The command line in this process, and the models that it runs."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dpu_host.cli import app

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"


@dataclasses.dataclass
class Result:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


Dpu = Callable[..., Result]


@pytest.fixture
def dpu() -> Dpu:
    """Return a function that runs ``dpu`` with arguments."""

    def call(*arguments: object) -> Result:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        # Anything but an exit is what the user would see as a traceback.
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Result(result.exit_code, result.stdout, result.stderr)

    return call


@pytest.fixture
def models() -> Path:
    """Return the folder of real models: ``$DPU_MODELS``, or one beside the repository."""
    folder = Path(os.environ.get("DPU_MODELS", ROOT.parent / "shared" / "models"))
    if not folder.is_dir():
        pytest.skip(f"no models: there is no folder {folder}; set DPU_MODELS to one")
    return folder


@pytest.fixture
def network() -> Path:
    """Return the bundled network."""
    return DIGITS / "digits_int8.tflite"


@pytest.fixture
def picture() -> Path:
    """Return a picture of a seven."""
    return DIGITS / "images" / "7_a.png"


@pytest.fixture
def program(dpu: Dpu, network: Path, tmp_path: Path) -> Path:
    """Return the bundled network as a program for ``b128``."""
    path = tmp_path / "digits.dpu"
    assert dpu("compile", network, "-o", path).status == 0
    return path
