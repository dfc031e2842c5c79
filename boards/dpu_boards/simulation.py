# SPDX-License-Identifier: Apache-2.0
"""A board in simulation: its whole design but PLL and pads, between an SDRAM and a serial line."""

import dataclasses
from contextlib import nullcontext

from amaranth.back import verilog

from dpu_boards.catalogue import find_board
from dpu_boards.memory_wiring import memory_wiring
from dpu_host.transports.uart import UartTransport
from dpu_hw.soc.soc import Soc
from dpu_sim.board import BoardProcess, MemoryRules, SimulatedPort, build_board
from dpu_sim.rtl.build_cache import cached, content_key
from dpu_sim.rtl.origin import origin

__all__ = [
    "BIT_CYCLES",
    "TOP",
    "SimulatedBoard",
    "connect",
    "open_simulation",
    "soc",
    "soc_verilog",
]

#: The board of ``sim`` without a name.
_DEFAULT = "ulx3s"

#: Name of the simulated module.
TOP = "soc"
#: Cycles of a bit on the serial line: as few as the receiver takes, to keep simulations short.
BIT_CYCLES = 4
#: Nanoseconds until the SDRAM may be started: no reason to simulate the chip's 200,000.
_POWER_UP = 2e3
#: Seconds after which the link forgets an unfinished command: silences are simulated, too.
_TIMEOUT = 1e-3


def _chip(board):
    return dataclasses.replace(board.memory, power_up=_POWER_UP)


def soc(board):
    """Return the :class:`dpu_hw.soc.soc.Soc` of a board with a fast serial line."""
    return Soc(
        configuration=board.configuration,
        chip=_chip(board),
        clock_hertz=board.clock_hertz,
        baud=board.clock_hertz // BIT_CYCLES,
        round_trip=memory_wiring(board.memory, board.clock_hertz).round_trip,
        timeout=_TIMEOUT,
    )


def soc_verilog(board):
    """Return the file with a board's Verilog; it is generated where the cache doesn't have it."""
    parts = [repr(board), *origin("dpu_hw", "dpu_spec", "dpu_boards")]

    def build(folder):
        text = verilog.convert(soc(board), name=TOP, emit_src=False)
        (folder / f"{TOP}.v").write_text(text, encoding="utf-8")

    return cached("verilog", content_key(parts), build) / f"{TOP}.v"


def open_simulation(board, *, announce=nullcontext):
    """Start the simulation of a board; return the driver's way to it, through its serial line.

    The port's ``process`` is the :class:`dpu_sim.board.BoardProcess`, which ends when the
    transport is closed.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    announce : callable
        What it returns is entered while the simulator is built, if it is.
    """
    wiring = memory_wiring(board.memory, board.clock_hertz)
    rules = MemoryRules.of(_chip(board), board.clock_hertz, round_trip=wiring.round_trip)
    simulator = build_board(soc_verilog(board), announce=announce)
    process = BoardProcess(simulator, rules, divisor=BIT_CYCLES)
    try:
        process.reset()
        return SimulatedBoard(board, process)
    except BaseException:
        process.close()
        raise


class SimulatedBoard(UartTransport):
    """The driver's way to a simulated board.

    Parameters
    ----------
    board : :class:`dpu_boards.board.Board`
        The board.
    process : :class:`dpu_sim.board.BoardProcess`
        Its simulation, just reset.
    """

    def __init__(self, board, process):
        self.board = board
        self.process = process
        super().__init__(
            SimulatedPort(process, clock_hertz=board.clock_hertz),
            board.clock_hertz // BIT_CYCLES,
            name=f"simulated {board.name}",
            # Time is the simulation's.
            clock=lambda: process.cycle() / board.clock_hertz,
            timeout=_TIMEOUT,
        )

    def preload(self, address, data):
        """Put bytes into the SDRAM by the back door: a serial line would take its time."""
        self.process.write_memory(address, data)

    def close(self):
        """End the simulation."""
        super().close()
        self.process.close()


def connect(name):
    """Start the simulation of a board (ulx3s where no name is given), for its driver."""
    return open_simulation(find_board(name or _DEFAULT))
