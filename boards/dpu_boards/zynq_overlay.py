# SPDX-License-Identifier: Apache-2.0
"""What Vivado needs for a board with a Zynq-7000: the IP, and a script from it to an overlay."""

import dataclasses
import importlib.resources
import json
from pathlib import Path

from dpu_boards.zynq_ip import CONTROL, MODULE, write_ip
from dpu_hw.generate import MANIFEST
from dpu_hw.zynq.chunks import Geometry
from dpu_spec.configuration import ARCHITECTURE_VERSION
from dpu_spec.presets import PRESETS

__all__ = ["REGISTER_BASE", "REGISTER_BYTES", "SCRIPT", "Package", "ZynqBoard", "package"]

#: The DPU's registers, as the processor has them: where Vivado puts the first peripheral of GP0.
REGISTER_BASE = 0x43C0_0000
REGISTER_BYTES = 0x1_0000
#: The script, and the folder of the IP's Verilog.
SCRIPT = "build.tcl"
_IP = "ip"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ZynqBoard:
    """A board with a Zynq-7000.

    Parameters
    ----------
    name, title : :class:`str`
        What ``--board`` takes, and its full name.
    part : :class:`str`
        What Vivado calls the FPGA.
    preset : :class:`str`
        The preset that it is meant for.
    board_pattern : :class:`str`
        Which of Vivado's board files are its own.
    memory_bytes : :class:`int`
        Size of its DDR.
    clock_mhz : :class:`float`
        Frequency of the DPU.
    processor : :class:`dict`
        Properties of ``processing_system7`` where Vivado has no board file.
    """

    name: str
    title: str
    part: str
    preset: str
    board_pattern: str
    memory_bytes: int
    clock_mhz: float
    processor: dict

    @property
    def configuration(self):
        """The preset's sizes."""
        return PRESETS[self.preset]

    @property
    def part_name(self):
        """The FPGA's name."""
        return self.part

    @property
    def clock_hertz(self):
        """Frequency of the DPU in hertz."""
        return round(self.clock_mhz * 1e6)

    @property
    def memory_title(self):
        """The memory, in words."""
        return f"{self.memory_bytes >> 20} MiB DDR3 of the processor"

    @property
    def link_title(self):
        """The way to the host, in words."""
        return "the processor, PYNQ"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Package:
    """What was written.

    Parameters
    ----------
    script, manifest : :class:`pathlib.Path`
        Files.
    sources : :class:`list` of :class:`pathlib.Path`
        The IP's Verilog, its top module first.
    command : :class:`str`
        What to run next.
    """

    script: Path
    manifest: Path
    sources: list
    command: str


def _fill(template, values):
    for key, value in values.items():
        template = template.replace(f"@{key}@", str(value))
    return template


def package(board, folder, *, configuration=None, clock_mhz=None):
    """Write the IP, the script that makes the overlay, and a manifest.

    Parameters
    ----------
    board : :class:`ZynqBoard`
        The board.
    folder : :class:`pathlib.Path`
        Where to.
    configuration : :class:`dpu_spec.configuration.Configuration` or None
        The DPU's sizes if not the preset's.
    clock_mhz : :class:`float` or None
        Frequency of the DPU if not the board's.

    Returns
    -------
    :class:`Package`
    """
    if configuration is None:
        configuration = board.configuration
    folder = Path(folder)
    sources = write_ip(configuration, folder / _IP)
    geometry = Geometry(data_bytes=configuration.axi_bytes)
    clock = board.clock_mhz if clock_mhz is None else clock_mhz
    template = importlib.resources.files(__package__) / "vivado" / "overlay.tcl"
    names = [f"{_IP}/{path.name}" for path in sources]
    settings = "\n".join(f"    CONFIG.{key} {{{value}}}" for key, value in board.processor.items())
    values = {
        "NAME": board.name.replace("-", "_"),
        "PART": board.part,
        "BOARD_PATTERN": board.board_pattern,
        "CLOCK_MHZ": f"{clock:g}",
        "MEMORY_BYTES": board.memory_bytes,
        "REGISTER_BASE": f"0x{REGISTER_BASE:08X}",
        "REGISTER_BYTES": REGISTER_BYTES,
        "PORT_BITS": 8 * geometry.port_bytes,
        "PORTS": " ".join(str(index) for index in range(geometry.ports)),
        "SOURCES": " ".join(names),
        "PROCESSOR_SETTINGS": settings,
        "MODULE": MODULE,
        "CONTROL": CONTROL,
    }
    script = folder / SCRIPT
    text = _fill(template.read_text(encoding="utf-8"), values)
    script.write_text(text, encoding="utf-8", newline="\n")
    manifest = folder / MANIFEST
    description = {
        "architecture_version": ARCHITECTURE_VERSION,
        "configuration": configuration.parameters(),
        "configuration_hash": configuration.hash,
        "top": MODULE,
        "files": {"verilog": names, "script": SCRIPT},
        "board": {
            "name": board.name,
            "part": board.part,
            "clock_hertz": round(clock * 1e6),
            "memory_bytes": board.memory_bytes,
            "register_base": REGISTER_BASE,
        },
    }
    manifest.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    command = f"vivado -mode batch -source {script}"
    return Package(script=script, manifest=manifest, sources=sources, command=command)
