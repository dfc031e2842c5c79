# SPDX-License-Identifier: Apache-2.0
"""The generated pages are those of the definitions, and complete."""

from pathlib import Path

import pytest

from dpu_spec import documentation, isa, registers
from dpu_spec.configuration import Configuration

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("name", documentation.PAGES)
def test_pages_are_up_to_date(name):
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == documentation.PAGES[name](), (
        f"docs/{name} is out of date; write it again: python -m dpu_spec.documentation docs"
    )


def test_the_instruction_page_has_every_field_and_every_line():
    page = documentation.instruction_set()
    for format in isa.FORMATS:
        section = page.split(f"### {format.name}\n")[1].split("\n### ")[0]
        assert f"0x{format.opcode:02X}" in section
        assert format.pseudocode in section
        for field in format.body:
            first = format.offset(field.name)
            bits = f"{first}..{first + field.bits - 1}" if field.bits > 1 else str(first)
            kind = f"{field.bits}, signed" if field.signed else str(field.bits)
            assert f"| `{field.name}` | {bits} | {kind} | {field.doc} |" in section


def test_the_register_page_has_every_register_and_parameter():
    page = documentation.register_map()
    for register in registers.REGISTERS:
        assert f"| 0x{register.address:03X} | `{register.name}` | " in page
        assert register.doc in page
        assert all(f"`{part.name}` | {part.doc} |" in page for part in register.bits)
    assert all(f"| `{name}` | " in page for name in Configuration().parameters())


def test_writing_the_pages(tmp_path):
    assert documentation.main([str(tmp_path / "new")]) == 0
    assert {p.name for p in (tmp_path / "new").iterdir()} == set(documentation.PAGES)


def test_writing_needs_a_folder(capsys):
    assert documentation.main([]) == 2
    assert "usage" in capsys.readouterr().err
