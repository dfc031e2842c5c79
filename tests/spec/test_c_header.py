# SPDX-License-Identifier: Apache-2.0
"""The generated C headers are those of the definitions, and say what they say."""

import shutil
import subprocess
from pathlib import Path

import pytest

from dpu_spec import blob, c_header, memory_map, registers
from dpu_spec.configuration import Configuration
from dpu_spec.instruction import Engine
from dpu_spec.isa import WINDOW_NAMES

INCLUDE = Path(__file__).resolve().parents[2] / "firmware" / "include"


@pytest.mark.parametrize("name", c_header.HEADERS)
def test_headers_are_up_to_date(name: str) -> None:
    written = (INCLUDE / name).read_text(encoding="utf-8")
    assert written == c_header.HEADERS[name](), (
        f"firmware/include/{name} is out of date; write it again: "
        "python -m dpu_spec.c_header firmware/include"
    )


def compiles(tmp_path: Path, statements: list[str]) -> str:
    """Compile assertions; return what the compiler says against them."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: gcc and cc are missing")
    source = tmp_path / "asserts.c"
    lines = ['#include "dpu_registers.h"', '#include "dpu_program.h"', "#include <stddef.h>"]
    source.write_text("\n".join([*lines, *statements, ""]))
    options = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-Wpedantic", "-fsyntax-only"]
    run = subprocess.run(
        [compiler, *options, f"-I{INCLUDE}", str(source)], capture_output=True, text=True
    )
    assert (run.returncode == 0) == (not run.stderr)
    return run.stderr


def claim(expression: str, value: int) -> str:
    return f'_Static_assert({expression} == {value}u, "{expression}");'


def test_values_in_c(tmp_path: Path) -> None:
    claims = [
        claim("DPU_PRODUCT_ID", registers.PRODUCT_ID),
        claim("DPU_ROM", registers.ROM_ADDRESS),
        claim("DPU_PARAMETERS", len(Configuration().parameters())),
        claim("DPU_ENGINES", len(Engine)),
        claim("DPU_WINDOWS", len(WINDOW_NAMES)),
        claim("DPU_BOARD_MEMORY_BASE", memory_map.MEMORY_BASE),
        claim("DPU_BOARD_REGISTER_BASE", memory_map.REGISTER_BASE),
        claim("DPU_BOARD_CPU_BASE", memory_map.CPU_BASE),
        claim("DPU_BOARD_CPU_STATUS", memory_map.CPU_STATUS),
        claim("DPU_PROGRAM_MAGIC", blob.MAGIC),
        claim("sizeof(struct dpu_program)", 4 * len(blob.HEADER)),
        claim("sizeof(struct dpu_program_tensor)", 4 * len(blob.TENSOR)),
        claim("sizeof(struct dpu_program_run)", 8 * len(Engine)),
    ]
    for structure, fields in (("dpu_program", blob.HEADER), ("dpu_program_tensor", blob.TENSOR)):
        for index, (field, _) in enumerate(fields):
            claims.append(claim(f"offsetof(struct {structure}, {field})", 4 * index))
    for register in registers.REGISTERS:
        claims.append(claim(f"DPU_REG_{register.name}", register.address))
        for bits in register.bits:
            name = f"DPU_{register.name}_{bits.name.upper()}"
            claims.append(claim(f"({name}_MASK >> {name}_SHIFT)", (1 << bits.width) - 1))
            claims.append(claim(f"{name}_SHIFT", bits.offset))
    for error in registers.Error:
        claims.append(claim(f"DPU_ERROR_{error.name}", error))
    for engine in Engine:
        claims.append(
            claim(
                f"DPU_REG_LOAD_STREAM + DPU_STREAM_STRIDE * DPU_ENGINE_{engine.name}",
                registers.address(f"{engine.name}_STREAM"),
            )
        )
    for name in WINDOW_NAMES:
        claims.append(
            claim(
                f"DPU_REG_PROGRAM_BASE + DPU_WINDOW_STRIDE * DPU_WINDOW_{name.upper()}",
                registers.address(f"{name.upper()}_BASE"),
            )
        )
    assert compiles(tmp_path, claims) == ""


def test_a_wrong_value_would_be_found(tmp_path: Path) -> None:
    assert "DPU_ROM" in compiles(tmp_path, [claim("DPU_ROM", registers.ROM_ADDRESS + 4)])


def test_writing_the_headers(tmp_path: Path) -> None:
    assert c_header.main([str(tmp_path / "new")]) == 0
    assert {p.name for p in (tmp_path / "new").iterdir()} == set(c_header.HEADERS)


def test_writing_needs_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert c_header.main([]) == 2
    assert "usage" in capsys.readouterr().err
