# SPDX-License-Identifier: Apache-2.0
"""Building the standalone firmware: C sources and a program in, the on-chip memory out."""

import shutil
import subprocess
from pathlib import Path

__all__ = ["COMPILER", "FirmwareBuildError", "MissingCompiler", "build_firmware", "firmware_folder"]

#: The compiler, Debian's.
COMPILER = "riscv64-unknown-elf-gcc"


class FirmwareBuildError(Exception):
    """The firmware cannot be built; the message says why and what to do."""


class MissingCompiler(FirmwareBuildError):
    """A program that builds it isn't installed."""


def firmware_folder():
    """Return the folder of the sources."""
    for parent in Path(__file__).resolve().parents:
        folder = parent / "firmware"
        if (folder / "standalone").is_dir():
            return folder
    raise FirmwareBuildError(
        "firmware: is not there: this package was installed without its repository; clone the "
        "repository."
    )


def build_firmware(program, inputs, folder, *, memory_bytes):
    """Build the firmware that runs inputs through a program.

    Parameters
    ----------
    program : :class:`bytes`
        What :func:`dpu_host.firmware_blob.firmware_blob` returned.
    inputs : :class:`bytes`
        Inputs, one after the other.
    folder : :class:`pathlib.Path`
        Where to build.
    memory_bytes : :class:`int`
        Size of the on-chip memory.

    Returns
    -------
    :class:`bytes`
        What lies in the on-chip memory.
    """
    for tool, package in ((COMPILER, "gcc-riscv64-unknown-elf"), ("make", "make")):
        if shutil.which(tool) is None:
            raise MissingCompiler(
                f"{tool} is missing, which builds the firmware; install it, on Debian or Ubuntu "
                f"with `apt install {package}`."
            )
    folder = Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "program.bin").write_bytes(program)
    (folder / "inputs.bin").write_bytes(inputs)
    run = subprocess.run(
        [
            "make",
            f"BUILD={folder}",
            f"PROGRAM={folder / 'program.bin'}",
            f"INPUTS={folder / 'inputs.bin'}",
            f"MEMORY_BYTES={memory_bytes}",
        ],
        cwd=firmware_folder(),
        check=False,
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise FirmwareBuildError(f"The firmware cannot be built:\n{run.stdout}{run.stderr}")
    return (folder / "firmware.bin").read_bytes()
