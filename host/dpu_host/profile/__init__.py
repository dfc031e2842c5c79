# SPDX-License-Identifier: Apache-2.0
"""Where an inference's cycles went: from when each instruction ran to a page and a trace file.

It knows the contract only; whoever calls it brings the times, measured or estimated.
"""

from .execution import Executed, Execution, ExecutionError, Run, execute
from .page import page
from .subject import Subject
from .trace import chrome_trace

__all__ = [
    "Executed",
    "Execution",
    "ExecutionError",
    "Run",
    "Subject",
    "chrome_trace",
    "execute",
    "page",
]
