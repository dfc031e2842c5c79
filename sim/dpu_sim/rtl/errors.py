# SPDX-License-Identifier: Apache-2.0
"""What can go wrong in an RTL simulation."""


class ToolchainError(RuntimeError):
    """What builds simulators is missing or can't be written to. The message says what to do."""


class BuildError(RuntimeError):
    """Verilator or the C++ compiler refused the design. The message ends with their output."""


class SimulationError(RuntimeError):
    """The simulation stopped: a broken bus rule, an assertion, or a command it can't obey."""
