# SPDX-License-Identifier: Apache-2.0
"""The emulator: executes programs with the golden model's arithmetic.

It is the living definition of the instruction set, and it proves that a program is free of races.
"""

from .collect import Collector, collect, written_words
from .errors import (
    CollectError,
    DeadlockError,
    EmulatorError,
    FieldError,
    InstructionFault,
    RaceError,
    RangeError,
    UnwrittenError,
)
from .machine import Machine, Observer
from .run import ProgramRun, run_program
from .statistics import RunStatistics

__all__ = [
    "CollectError",
    "Collector",
    "DeadlockError",
    "EmulatorError",
    "FieldError",
    "InstructionFault",
    "Machine",
    "Observer",
    "ProgramRun",
    "RaceError",
    "RangeError",
    "RunStatistics",
    "UnwrittenError",
    "collect",
    "run_program",
    "written_words",
]
