# SPDX-License-Identifier: Apache-2.0
"""What the golden model raises."""


class UnsupportedOperator(ValueError):
    """An operator, or a variant of one, that has no exact meaning here; says which and why."""
