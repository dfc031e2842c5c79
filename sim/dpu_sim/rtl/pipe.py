# SPDX-License-Identifier: Apache-2.0
"""A simulator as a process that obeys commands, one line each."""

import contextlib
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from .errors import SimulationError

LOG_LINES = 20


class SimulatorProcess:
    """A simulator, running. Use it as a context manager.

    Every command raises :class:`SimulationError` when the simulation stops.

    Parameters
    ----------
    executable
        The simulator.
    arguments
        Of its command line.
    timeout
        Seconds of real time that one command may take.
    """

    def __init__(self, executable: Path, arguments: Sequence[str], *, timeout: float) -> None:
        self._timeout = timeout
        self._pending = b""
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(executable), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
        )
        try:
            self._greeting = self._reply("start")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        # Without input the simulator ends, in the middle of a long run after some 100,000 cycles.
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def greeting(self) -> list[str]:
        """The words that the simulator began with."""
        return self._greeting

    def log(self) -> str:
        """Return what the design printed."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def _command(self, line: str) -> list[str]:
        if self._process.stdin is None or self._process.stdin.closed:
            raise SimulationError("the simulation has ended; start another one")
        if "\n" in line:
            raise ValueError(f"A command is one line, not {line!r}")
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
        return self._reply(line.partition(" ")[0])

    def _reply(self, command: str) -> list[str]:
        status, _, rest = self._line(command).partition(" ")
        if status != "ok":
            raise SimulationError(self._with_log(rest))
        return rest.split()

    def _line(self, command: str) -> str:
        pipe = self._process.stdout
        assert pipe is not None
        end = time.monotonic() + self._timeout
        while b"\n" not in self._pending:
            ready, _, _ = select.select([pipe], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                self._process.kill()
                raise SimulationError(
                    f"the simulator gave no answer to `{command}` within {self._timeout:g} s"
                )
            received = os.read(pipe.fileno(), 65536)
            if not received:
                status = self._process.wait()
                raise SimulationError(
                    self._with_log(f"the simulator ended during `{command}` with status {status}")
                )
            self._pending += received
        line, _, self._pending = self._pending.partition(b"\n")
        return line.decode()

    def _with_log(self, message: str) -> str:
        lines = self.log().splitlines()[-LOG_LINES:]
        return "\n".join([message, *lines])
