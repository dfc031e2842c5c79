# SPDX-License-Identifier: Apache-2.0
"""Where synthesis, place and route and the bitstream's writer come from."""

import dataclasses
import os
import shutil
import sys
from pathlib import Path

__all__ = ["TOOLCHAINS", "Toolchain", "ToolchainError", "find_loader", "find_toolchain"]

#: Toolchains by the name that ``--toolchain`` takes.
TOOLCHAINS = ("yowasp", "native", "apio")
#: What each tool is called in the packages of YoWASP.
_YOWASP = "yowasp-"
_APIO_PACKAGE = Path("packages") / "oss-cad-suite" / "bin"
_REMEDY = {
    "yowasp": "install the extra: pip install 'tandem-dpu[bitstream]'",
    "native": "put it on PATH, or take --toolchain yowasp",
    "apio": "let apio fetch its packages first (apio packages install), or take --toolchain yowasp",
}


class ToolchainError(Exception):
    """A tool is missing."""


@dataclasses.dataclass(frozen=True)
class Toolchain:
    """Tools of one origin.

    Parameters
    ----------
    name : :class:`str`
        One of :data:`TOOLCHAINS`.
    commands : :class:`dict` of :class:`str` to :class:`str`
        Path of each tool by its plain name, such as ``yosys``.
    """

    name: str
    commands: dict[str, str]


def _find(name, tool):
    """Return the path of a tool of a toolchain, or nothing."""
    if name == "yowasp":
        beside = Path(sys.executable).with_name(_YOWASP + tool)
        return str(beside) if beside.exists() else shutil.which(_YOWASP + tool)
    if name == "apio":
        home = Path(os.environ.get("APIO_HOME", Path.home() / ".apio"))
        path = home / _APIO_PACKAGE / tool
        return str(path) if path.exists() else None
    return shutil.which(tool)


def find_toolchain(tools, name=None):
    """Find tools.

    Parameters
    ----------
    tools : iterable of :class:`str`
        Plain names.
    name : :class:`str` or None
        One of :data:`TOOLCHAINS`; None takes native tools if all are on PATH, else YoWASP's.

    Raises
    ------
    ToolchainError
        If one is missing.
    """
    tools = tuple(tools)
    if name is None:
        native = {tool: _find("native", tool) for tool in tools}
        if all(native.values()):
            return Toolchain("native", native)
        name = "yowasp"
    if name not in TOOLCHAINS:
        raise ToolchainError(f"{name}: no such toolchain; there are {', '.join(TOOLCHAINS)}.")
    found = {tool: _find(name, tool) for tool in tools}
    missing = [tool for tool, command in found.items() if command is None]
    if missing:
        raise ToolchainError(
            f"{', '.join(missing)} of the toolchain {name}: not found; {_REMEDY[name]}."
        )
    return Toolchain(name, found)


def find_loader():
    """Return the path of openFPGALoader: this environment's, or the one on PATH.

    Raises
    ------
    ToolchainError
        If there is none.
    """
    for name in ("openFPGALoader", "openfpgaloader-cli"):
        beside = Path(sys.executable).with_name(name)
        found = str(beside) if beside.exists() else shutil.which(name)
        if found:
            return found
    raise ToolchainError(f"openFPGALoader: not found; {_REMEDY['yowasp']}.")
