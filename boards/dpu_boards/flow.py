# SPDX-License-Identifier: Apache-2.0
"""Running the steps of a build plan: synthesis, place and route, bitstream."""

import dataclasses
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["FlowError", "Step", "run_steps", "steps_of"]

#: Seconds between looks at a log.
_PERIOD = 0.5
#: What each tool does, in the words of the progress that is shown.
_TITLES = {
    "yosys": "synthesizing",
    "nextpnr-ecp5": "placing and routing",
    "nextpnr-himbaechel": "placing and routing",
    "ecppack": "writing the bitstream",
    "gowin_pack": "writing the bitstream",
}
_VARIABLE = re.compile(r'^"?\$\{?(\w+?)\}?"?$')


class FlowError(Exception):
    """A tool failed."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """One tool's run.

    Parameters
    ----------
    tool : :class:`str`
        Its plain name.
    arguments : :class:`tuple` of :class:`str`
        What follows the tool's path on the command line.
    """

    tool: str
    arguments: tuple

    @property
    def title(self):
        """What it does, in words."""
        return f"{_TITLES.get(self.tool, 'running')} ({self.tool})"


def steps_of(script, tools):
    """Return the :class:`Step` of each tool that a build script of Amaranth's runs, in order.

    Running them one by one instead of the script tells which failed, and how far one has come.

    Parameters
    ----------
    script : :class:`str`
        The text of ``build_<name>.sh``.
    tools : iterable of :class:`str`
        Plain names of the tools. The script calls them by environment variables.
    """
    variables = {tool.upper().replace("-", "_").replace("+", "X"): tool for tool in tools}
    steps = []
    for line in script.splitlines():
        words = shlex.split(line, comments=True)
        found = _VARIABLE.match(words[0]) if words else None
        if found and found[1] in variables:
            steps.append(Step(tool=variables[found[1]], arguments=tuple(words[1:])))
    return steps


def _log_of(step):
    """Return the log that a step writes by itself, by name."""
    for option in ("-l", "--log"):
        if option in step.arguments:
            return step.arguments[step.arguments.index(option) + 1]
    return None


def _last_line(path):
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2000))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _errors(folder, name):
    """Return the lines of a log that say what went wrong."""
    lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
    found = [line for line in lines if "ERROR" in line or "error:" in line.lower()]
    return found[-5:] or lines[-5:]


def run_steps(
    steps, toolchain, folder, *, progress: Callable[[str, str, float], None] = lambda *_: None
):
    """Run steps in a folder.

    Parameters
    ----------
    steps : list of :class:`Step`
        In order.
    toolchain : :class:`dpu_boards.toolchains.Toolchain`
        The tools.
    folder : :class:`pathlib.Path`
        Where the plan's files are. Tools see relative names only, as those in a sandbox must.
    progress : callable
        Called a few times a second with a step's title, the last line of its log, and its seconds.

    Raises
    ------
    FlowError
        If a tool fails: with what it wrote, and where its whole log is.
    """
    folder = Path(folder)
    for step in steps:
        begin = time.monotonic()
        output = f"{step.tool}.out"
        log = _log_of(step) or output
        with (folder / output).open("wb") as file:
            process = subprocess.Popen(
                [toolchain.commands[step.tool], *step.arguments],
                cwd=folder,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            try:
                while process.poll() is None:
                    progress(step.title, _last_line(folder / log), time.monotonic() - begin)
                    time.sleep(_PERIOD)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        if process.returncode:
            reasons = "\n".join(_errors(folder, output))
            raise FlowError(
                f"{step.tool}: ended with status {process.returncode}: {reasons}\n"
                f"The whole log is {folder / log}."
            )
