# SPDX-License-Identifier: Apache-2.0
"""How the command line ends: one message and an exit status, never a traceback."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from dpu_compiler.errors import CompilerError
from dpu_golden import UnsupportedOperator
from dpu_host.cli.console import say
from dpu_host.errors import DeviceError
from dpu_sim.emulator import EmulatorError
from dpu_sim.rtl import BuildError, SimulationError, ToolchainError
from dpu_spec.configuration import ConfigurationError
from dpu_spec.instruction import InstructionError
from dpu_spec.program import ProgramError

#: Exit status of a difference, or of something that failed and isn't the user's mistake.
FAILURE = 1
#: Exit status of a user's mistake.
USER_ERROR = 2
#: Environment variable that lets unexpected exceptions through.
TRACEBACK = "DPU_TRACEBACK"


class UserError(Exception):
    """A user's mistake; the message names the thing, the reason and what to do."""


_USER_ERRORS = (
    UserError,
    CompilerError,
    ConfigurationError,
    ProgramError,
    InstructionError,
    UnsupportedOperator,
    ToolchainError,
)
_FAILURES = (EmulatorError, SimulationError, BuildError, DeviceError)
# What a fault of this program would raise.
_UNEXPECTED = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError),
    *(NotImplementedError, TypeError, ValueError),
)


class Group(TyperGroup):
    """All commands; turns exceptions into messages."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise
        except _USER_ERRORS as error:
            say(f"error: {error}")
            raise typer.Exit(USER_ERROR) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            name = error.filename if error.filename is not None else "standard output"
            say(
                f"error: {name}: {error.strerror or error}; check the path, its permissions and "
                "the free space."
            )
            raise typer.Exit(USER_ERROR) from None
        except _FAILURES as error:
            say(f"failure: {error}")
            raise typer.Exit(FAILURE) from None
        except _UNEXPECTED as error:
            self._unexpected(error)

    @staticmethod
    def _unexpected(error: Exception) -> NoReturn:
        """End because of a fault of this program's own."""
        if os.environ.get(TRACEBACK):
            raise error
        say(
            f"failure: {type(error).__name__}: {error}; this is a fault of dpu itself, or an input "
            f"is damaged. Set {TRACEBACK}=1 to see where, and report it."
        )
        raise typer.Exit(FAILURE) from error
