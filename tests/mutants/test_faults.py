# SPDX-License-Identifier: Apache-2.0
"""Each fault can still be planted, and names a test that exists."""

import ast

import pytest

from tests.mutants.faults import FAULTS
from tests.mutants.plant import ROOT, changed


def test_there_are_twenty_and_more():
    assert len(FAULTS) >= 20
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_fault_can_be_planted(fault):
    before = (ROOT / fault.file).read_text(encoding="utf-8")
    after = changed(fault)
    assert after != before
    assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))
    path, _, function = fault.test.partition("::")
    functions = {
        node.name
        for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef)
    }
    assert not function or function.partition("[")[0] in functions
