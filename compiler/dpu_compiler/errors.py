# SPDX-License-Identifier: Apache-2.0
"""What the compiler raises for a user's mistake."""


class CompilerError(ValueError):
    """A model cannot be compiled; the message names the thing, the reason and what to do."""


class ModelError(CompilerError):
    """A model file cannot be read, or is of a kind that is not supported."""


class CapacityError(CompilerError):
    """A network does not fit the configuration's buffers."""
