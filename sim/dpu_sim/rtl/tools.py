# SPDX-License-Identifier: Apache-2.0
"""Running the programs of the toolchain."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import BuildError


def run_tool(command: Sequence[str | Path], folder: Path, environment: dict[str, str]) -> None:
    """Run a program of the toolchain, and raise :class:`BuildError` with its output if it fails."""
    run = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if run.returncode != 0:
        lines = run.stdout.splitlines()
        errors = [line for line in lines if "error" in line.lower()][:20]
        raise BuildError(
            f"{Path(command[0]).name} failed with status {run.returncode}:\n"
            + "\n".join([*errors, "...", *lines[-20:]])
        )


def make_jobs() -> int:
    """Return how many compilers may run side by side, with other test processes beside this."""
    available = len(os.sched_getaffinity(0))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return max(1, available // workers)
