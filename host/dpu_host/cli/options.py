# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from dpu_host.cli.errors import UserError
from dpu_spec.configuration import Configuration, from_file
from dpu_spec.presets import PRESETS, preset
from dpu_spec.program import Program, ProgramError

DEFAULT_PRESET = "b128"

PresetOption = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="NAME",
        help=f"A named configuration: {', '.join(PRESETS)}. [default: {DEFAULT_PRESET}]",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="A configuration file (TOML), or the manifest of a generated DPU (JSON).",
        show_default=False,
    ),
]


def given_configuration(name: str | None, file: Path | None) -> Configuration | None:
    """Return the configuration that the options name, if they do."""
    if name is not None and file is not None:
        raise UserError(f"--preset {name} and --config {file}: are given both; give one of them.")
    if file is not None:
        if not file.exists():
            raise UserError(
                f"{file}: there is no such file; --config takes a TOML file or a manifest."
            )
        return from_file(file)
    if name is None:
        return None
    if name not in PRESETS and Path(name).is_file():
        return from_file(Path(name))
    return preset(name)


def configuration_of(name: str | None, file: Path | None) -> Configuration:
    """Return the configuration that the options name, or the default."""
    return given_configuration(name, file) or preset(DEFAULT_PRESET)


def configuration_name(configuration: Configuration) -> str:
    """Return the name of the preset that a configuration equals, or ``custom``."""
    names = (name for name, known in PRESETS.items() if known == configuration)
    return next(names, "custom")


def match(program: Program, wanted: Configuration | None, source: Path) -> Configuration:
    """Return a program's configuration, refusing a program for another than the wanted one."""
    own = program.configuration
    if wanted is not None and wanted != own:
        differences = "; ".join(own.differences(wanted))
        raise ProgramError(
            f"{source}: was compiled for another configuration: {differences}. Compile the model "
            "again for this one, or leave out --preset and --config."
        )
    return own


def writable(path: Path, option: str) -> Path:
    """Refuse the name of a file that cannot be written, before any work is done."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give {option} the name of a file.")
    if not path.parent.is_dir():
        raise UserError(
            f"{path}: cannot be written: there is no folder {path.parent}; make it first, or give "
            f"{option} another name."
        )
    try:
        existed = path.exists()
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error.strerror}; give {option} another name."
        ) from None
    return path


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Name a file in what goes wrong while it is written."""
    try:
        yield path
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def whole_number(text: str) -> int:
    """Read the value of an option."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a whole number.") from None


def writable_folder(path: Path, option: str) -> Path:
    """Make a folder, refusing one that cannot be written to."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UserError(
            f"{path}: cannot be a folder to write to: {error.strerror}; give {option} another name."
        ) from None
    return path
