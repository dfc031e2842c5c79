# SPDX-License-Identifier: Apache-2.0
"""Running the copy engine in the C++ bench."""

from pathlib import Path

from amaranth.back import verilog

from dpu_sim.rtl import RtlProcess, build_simulator
from tests.rtl.support_copy import CopyEngine, Fault, Register

LIMIT = 100_000
NONE = Fault(0)


def build(width: int, **options: bool) -> Path:
    """Build the simulator of a copy engine."""
    text = verilog.convert(CopyEngine(width=width), name="dpu", emit_src=False)
    return build_simulator(text, **options)


def start(process: RtlProcess, source: int, target: int, beats: int, faults: Fault = NONE) -> int:
    """Write the registers, and return the cycle of the start."""
    process.write_register(Register.SOURCE, source)
    process.write_register(Register.TARGET, target)
    process.write_register(Register.BEATS, beats)
    process.write_register(Register.FAULTS, faults)
    return process.write_register(Register.START, 1).cycle


def copy(process: RtlProcess, source: int, target: int, beats: int, faults: Fault = NONE) -> int:
    """Copy, and return the cycles from the start to the interrupt."""
    begin = start(process, source, target, beats, faults)
    assert process.wait(LIMIT).interrupt
    return process.cycle() - begin
