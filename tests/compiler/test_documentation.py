# SPDX-License-Identifier: Apache-2.0
"""The page of supported operators is that of the rules, and complete."""

from pathlib import Path

from dpu_compiler import documentation
from dpu_compiler.legal import SUPPORT, rule_sentence
from dpu_golden import OPERATORS

PAGE = Path(__file__).resolve().parents[2] / "docs" / documentation.NAME


def test_it_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == documentation.supported_operators(), (
        f"docs/{documentation.NAME} is out of date; write it again: "
        "python -m dpu_compiler.documentation docs"
    )


def test_it_has_every_operator_once_and_every_rule():
    page = documentation.supported_operators()
    for name in OPERATORS:
        assert page.count(f"\n| {name} |") == 1
    for support in SUPPORT.values():
        for rule in support.rules:
            assert page.count(rule_sentence(rule)) == 1


def test_the_command_writes_it(tmp_path):
    assert documentation.main([]) == 2
    assert documentation.main([str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / documentation.NAME).read_text() == PAGE.read_text()
