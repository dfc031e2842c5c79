# SPDX-License-Identifier: Apache-2.0
"""Running firmware on a simulated standalone DPU."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dpu_sim.rtl.errors import SimulationError


@dataclass(frozen=True)
class Line:
    """A line that came on the UART, and the cycle of its end."""

    cycle: int
    text: str


def hexadecimal(firmware: bytes) -> str:
    """Return firmware as words in the format of ``$readmemh``."""
    padded = firmware + bytes(-len(firmware) % 4)
    words = (int.from_bytes(padded[i : i + 4], "little") for i in range(0, len(padded), 4))
    return "".join(f"{word:08x}\n" for word in words)


def run_firmware(
    simulator: Path,
    firmware: bytes,
    *,
    dram_bytes: int,
    limit: int = 100_000_000,
    byte_cycles: int = 10,
    seed: int | None = None,
    timeout: float = 900.0,
) -> list[Line]:
    """Run firmware until it prints ``end``; return what came on the UART.

    Parameters
    ----------
    simulator
        What :func:`build_standalone` returned.
    firmware
        What lies in the on-chip memory.
    dram_bytes
        Size of the DRAM.
    limit
        Give up after so many cycles.
    byte_cycles
        Cycles that a byte takes on the UART.
    seed
        The DRAM answers late and at random, in a way of the seed; without one, after 40 cycles.
    timeout
        Give up after so many seconds.

    Raise :exc:`SimulationError`, with what had come on the UART, where the firmware doesn't end,
    the processor stops or a rule of the bus is broken.
    """
    with tempfile.TemporaryDirectory(prefix="tandem-standalone-") as folder:
        image = Path(folder) / "firmware.hex"
        image.write_text(hexadecimal(firmware))
        command = [str(simulator), "--memory", str(dram_bytes), "--limit", str(limit)]
        command += ["--byte", str(byte_cycles), f"+firmware={image}"]
        command += [] if seed is None else ["--seed", str(seed)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SimulationError(f"the firmware didn't end within {timeout:.0f} s") from None
    lines = []
    for row in run.stdout.splitlines():
        cycle, _, text = row.partition(" ")
        lines.append(Line(int(cycle), text))
    if run.returncode != 0:
        said = "\n".join(line.text for line in lines)
        raise SimulationError(f"{run.stderr.strip()}; the firmware said:\n{said}")
    return lines
