# SPDX-License-Identifier: Apache-2.0
"""Run a check on the random cases of a seed: the same ones each time, and shrinking if it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st


def run_seeded(
    check: Callable[..., None], *strategies: Any, seed_number: int, count: int, shrink: bool = True
) -> None:
    """Call ``check`` with ``count`` draws of the strategies, the simplest draw first.

    Few draws a seed, since hypothesis varies its own earlier draws rather than make new ones.
    """

    def body(drawn: tuple[Any, ...]) -> None:
        check(*drawn)

    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    test = given(st.tuples(*strategies))(body)
    test = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=phases,
        report_multiple_bugs=False,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )(test)
    seed(seed_number)(test)()
