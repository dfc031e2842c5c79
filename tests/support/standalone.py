# SPDX-License-Identifier: Apache-2.0
"""Simulators of standalone DPUs, and firmware for them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog

from dpu_boards.firmware import MissingCompiler, build_firmware
from dpu_host.firmware_blob import firmware_blob
from dpu_hw.cpu.picorv32 import MissingCore, core_file
from dpu_hw.cpu.standalone import StandaloneSoc
from dpu_sim.rtl.build_cache import cached, content_key
from dpu_sim.rtl.origin import origin
from dpu_sim.standalone import build_standalone
from dpu_spec.presets import preset
from dpu_spec.program import Program

ROOT = Path(__file__).resolve().parents[2]
#: Bytes of DRAM of these simulations.
DRAM = 1 << 20
#: On-chip memory by preset: firmware, program and twenty digits.
MEMORY = {"tiny": 80 << 10, "b128": 64 << 10}


def core() -> Path:
    """Return the processor's Verilog, or skip the test."""
    try:
        return core_file()
    except MissingCore as error:
        pytest.skip(str(error))


@functools.cache
def simulator(name: str) -> Path:
    """Return the simulator of a preset with a processor; it is built where the cache has none."""
    extra = core()
    configuration = preset(name)
    parts: list[str | bytes] = [str(configuration.parameters()), str(MEMORY[name]), str(DRAM)]
    parts += origin("dpu_hw", "dpu_spec")

    def generate(folder: Path) -> None:
        soc = StandaloneSoc(
            configuration=configuration, firmware=b"", dram_bytes=DRAM, memory_bytes=MEMORY[name]
        )
        text = verilog.convert(soc, name="standalone", emit_src=False)
        (folder / "standalone.v").write_text(text)

    text = (cached("standalone-verilog", content_key(parts), generate) / "standalone.v").read_text()
    return build_standalone(text, [extra])


def firmware(
    name: str, program: Program | bytes, inputs: Sequence[np.ndarray], folder: Path
) -> bytes:
    """Build the firmware for a preset's on-chip memory, or skip the test."""
    blob = program if isinstance(program, bytes) else firmware_blob(program)
    data = b"".join(array.tobytes() for array in inputs)
    try:
        return build_firmware(blob, data, folder, memory_bytes=MEMORY[name])
    except MissingCompiler as error:
        pytest.skip(str(error))
