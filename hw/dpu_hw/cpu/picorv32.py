# SPDX-License-Identifier: Apache-2.0
"""The processor: PicoRV32, RV32I."""

import importlib.util
from pathlib import Path

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from dpu_hw.cpu.bus import BusSignature

__all__ = ["MissingCore", "PicoRv32", "core_file"]

_PACKAGE = "pythondata_cpu_picorv32"
_FILE = "picorv32.v"
#: Cycles that the processor is held in reset after the FPGA was configured.
_RESET_CYCLES = 16

#: What this processor is without: interrupts, multiplication, compressed instructions, counters.
_PARAMETERS = {
    "ENABLE_COUNTERS": 0,
    "ENABLE_COUNTERS64": 0,
    "ENABLE_IRQ": 0,
    "ENABLE_MUL": 0,
    "ENABLE_DIV": 0,
    "COMPRESSED_ISA": 0,
    "TWO_STAGE_SHIFT": 1,
    "BARREL_SHIFTER": 0,
    "CATCH_MISALIGN": 1,
    "CATCH_ILLINSN": 1,
    "PROGADDR_RESET": 0,
}


class MissingCore(Exception):
    """The package with the processor's Verilog isn't installed."""


def core_file():
    """Return the path of the processor's Verilog."""
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        path = Path(folder) / "verilog" / _FILE
        if path.is_file():
            return path
    raise MissingCore(
        "pythondata-cpu-picorv32 isn't installed, which has the Verilog of the processor; install "
        "the extra: pip install 'tandem-dpu[firmware]'."
    )


class PicoRv32(wiring.Component):
    """The processor; it starts at address 0.

    Members
    -------
    bus : :py:`Out(BusSignature())`
        Instructions and data.
    trap : :py:`Out(1)`
        It met an instruction or an address that it cannot do, and stopped.
    """

    bus: Out(BusSignature())
    trap: Out(1)

    def elaborate(self, platform):
        m = Module()
        if platform is not None:
            path = core_file()
            platform.add_file(path.name, path.read_bytes())
        # A board may have no reset but its configuration, and the core's registers need one.
        held = Signal(range(_RESET_CYCLES), init=_RESET_CYCLES - 1)
        running = Signal()
        with m.If(held != 0):
            m.d.sync += held.eq(held - 1)
        m.d.sync += running.eq(held == 0)
        bus = self.bus
        m.submodules.core = Instance(
            "picorv32",
            *[("p", name, Const(value, 32)) for name, value in _PARAMETERS.items()],
            i_clk=ClockSignal(),
            i_resetn=running,
            o_trap=self.trap,
            o_mem_valid=bus.valid,
            o_mem_addr=bus.address,
            o_mem_wdata=bus.data,
            o_mem_wstrb=bus.strobe,
            i_mem_ready=bus.ready,
            i_mem_rdata=bus.result,
            i_irq=Const(0, 32),
            i_pcpi_wr=Const(0, 1),
            i_pcpi_rd=Const(0, 32),
            i_pcpi_wait=Const(0, 1),
            i_pcpi_ready=Const(0, 1),
        )
        return m
