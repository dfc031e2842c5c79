# SPDX-License-Identifier: Apache-2.0
"""Writing a DPU as Verilog, with what other tools need to know about it."""

import hashlib
import json
from pathlib import Path

from amaranth.back import verilog
from amaranth.lib.wiring import Out

from dpu_hw.family import Family, Target
from dpu_hw.top import Dpu
from dpu_spec.configuration import ARCHITECTURE_VERSION, Configuration
from dpu_spec.isa import INSTRUCTION_BYTES
from dpu_spec.registers import REGISTERS, ROM_ADDRESS

__all__ = ["CORE", "FILE_LIST", "MANIFEST", "TOP", "VERILOG", "generate"]

#: Name of the Verilog module.
TOP = "dpu"
VERILOG = "dpu.v"
MANIFEST = "manifest.json"
FILE_LIST = "dpu.f"
CORE = "dpu.core"


def _ports(dpu):
    """Return name, direction and width of every port, in the order of the signature."""
    ports = [
        {"name": "clk", "direction": "input", "width": 1},
        {"name": "rst", "direction": "input", "width": 1},
    ]
    for path, member, value in dpu.signature.flatten(dpu):
        ports.append(
            {
                "name": "__".join(str(part) for part in path),
                "direction": "output" if member.flow is Out else "input",
                "width": len(value),
            }
        )
    return ports


def _registers():
    """Return the register map."""
    return [
        {
            "name": register.name,
            "address": register.address,
            "access": register.access.name.lower(),
            "bits": [
                {"name": bits.name, "offset": bits.offset, "width": bits.width}
                for bits in register.bits
            ],
        }
        for register in REGISTERS
    ]


def _core(configuration):
    """Return the FuseSoC description, in its second format."""
    return f"""CAPI=2:
# SPDX-License-Identifier: Apache-2.0
name: tandem:dpu:dpu:{ARCHITECTURE_VERSION}.0.0
description: >-
  Tandem DPU, {configuration.lanes}x{configuration.columns} array,
  configuration {configuration.hash:08x}

filesets:
  rtl:
    files:
      - {VERILOG}
    file_type: verilogSource

targets:
  default: &default
    filesets:
      - rtl
    toplevel: {TOP}
  lint:
    <<: *default
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options:
          - -Wno-fatal
"""


def generate(configuration, directory, *, family=Family.PORTABLE):
    """Write a DPU into a folder; the same configuration and family give the same bytes.

    Parameters
    ----------
    configuration : :class:`dpu_spec.configuration.Configuration`
        The sizes of the DPU.
    directory : :class:`pathlib.Path`
        The folder; it is made if there is none.
    family : :class:`dpu_hw.family.Family`
        FPGAs whose cells the Verilog may name. Simulation needs models of them then.

    Returns
    -------
    :class:`pathlib.Path`
        The manifest. It stands wherever a configuration does, and names the other files:
        the Verilog, a file list and a FuseSoC core.
    """
    if not isinstance(configuration, Configuration):
        raise TypeError(f"Configuration must be a Configuration, not {configuration!r}")
    target = Target(family)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    dpu = Dpu(configuration=configuration)
    text = verilog.convert(dpu, name=TOP, platform=target, emit_src=False)
    manifest = {
        "architecture_version": ARCHITECTURE_VERSION,
        "configuration": configuration.parameters(),
        "configuration_hash": configuration.hash,
        "family": target.dpu_family.value,
        "top": TOP,
        "files": {"verilog": VERILOG, "file_list": FILE_LIST, "core": CORE},
        "verilog_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "instruction_bytes": {e.name.lower(): size for e, size in INSTRUCTION_BYTES.items()},
        "ports": _ports(dpu),
        "registers": _registers(),
        "rom_address": ROM_ADDRESS,
    }
    for name, contents in (
        (VERILOG, text),
        (FILE_LIST, f"{VERILOG}\n"),
        (CORE, _core(configuration)),
        (MANIFEST, json.dumps(manifest, indent=2) + "\n"),
    ):
        (directory / name).write_text(contents, encoding="utf-8", newline="\n")
    return directory / MANIFEST
