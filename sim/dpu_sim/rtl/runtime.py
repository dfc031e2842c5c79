# SPDX-License-Identifier: Apache-2.0
"""Verilator's own C++ library, compiled once for all designs.

It is most of the compile time of a small design, and the same for each of them.
"""

import re
import shutil
from pathlib import Path

from .build_cache import cached, content_key
from .toolchain import Toolchain
from .tools import run_tool


def add_runtime_objects(
    build: Path, prefix: str, tools: Toolchain, make: list[str | Path], cflags: str
) -> None:
    """Put the library's objects into a folder of generated C++, so that make finds them done.

    Parameters
    ----------
    build
        The folder that Verilator wrote, with its makefiles.
    prefix
        The prefix of the generated files.
    tools
        The toolchain.
    make
        The command that calls make in that folder, without a target.
    cflags
        What the user adds to the compiler's flags.
    """
    classes = (build / f"{prefix}_classes.mk").read_text()
    switches = re.findall(r"^VM_(?:TIMING|COVERAGE|TRACE)\w* = \d", classes, re.MULTILINE)
    names: list[str] = []
    for block in re.findall(r"^VM_GLOBAL_\w+ \+= \\\n((?:  \S+ \\\n)*)", classes, re.MULTILINE):
        names += re.findall(r"^  (\S+) ", block, re.MULTILINE)
    objects = [f"{name}.o" for name in names]

    def compile_objects(target: Path) -> None:
        run_tool([*make, *objects], build, tools.environment())
        for name in objects:
            shutil.copy(build / name, target / name)

    key = content_key([tools.version, *tools.make_variables(), *switches, *names, cflags])
    folder = cached("runtime", key, compile_objects)
    for name in objects:
        # Copied now, an object is newer than its source, and make leaves it alone.
        shutil.copyfile(folder / name, build / name)
