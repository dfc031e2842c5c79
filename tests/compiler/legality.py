# SPDX-License-Identifier: Apache-2.0
"""Where a network's last operator runs, and why."""

from dpu_compiler.legal import Decision, decide, rule_sentence
from tests.compiler.nets import Net


def assert_on_host(net: Net, rule, found: str) -> None:
    """The rule is broken, and the reason says by what."""
    graph, operator = net.only()
    decision = decide(graph, operator)
    assert decision.engine == "host"
    assert decision.reason.startswith(f"{rule_sentence(rule)} Here: ")
    assert found in decision.reason


def assert_on(net: Net, engine: str) -> None:
    """No rule is broken."""
    graph, operator = net.only()
    assert decide(graph, operator) == Decision(engine)
