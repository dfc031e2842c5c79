# SPDX-License-Identifier: Apache-2.0
"""The C runtime, built for this machine, on a device in Python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.host.fake_device import FakeDevice

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
FLAGS = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wpedantic", "-Wconversion"]
#: Where the CPU of these tests sees the registers.
REGISTERS = 0xF000_0000

_Read = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)
_Write = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)
_Word = ctypes.CFUNCTYPE(ctypes.c_uint32)


def compiler() -> str:
    """Return the C compiler."""
    found = shutil.which("gcc") or shutil.which("cc")
    if found is None:
        pytest.skip("no C compiler: gcc and cc are missing")
    return found


def build_runtime(folder: Path, *, interrupt: bool = True) -> ctypes.CDLL:
    """Build the runtime; without the interrupt it uses its own way to wait."""
    library = folder / f"runtime{interrupt}.so"
    sources = [*sorted((FIRMWARE / "src").glob("*.c")), Path(__file__).with_name("native_port.c")]
    options = [] if interrupt else ["-DWITHOUT_INTERRUPT"]
    command = [compiler(), *FLAGS, *options, "-shared", "-fPIC", f"-I{FIRMWARE / 'include'}"]
    run = subprocess.run(
        [*command, "-o", str(library), *map(str, sources)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    loaded = ctypes.CDLL(str(library))
    loaded.native_device.restype = ctypes.c_void_p
    for name in ("dpu_result_text", "dpu_engine_name", "dpu_parameter_name", "dpu_program_name"):
        getattr(loaded, name).restype = ctypes.c_char_p
    return loaded


class Runtime:
    """Calls of the runtime on a device that answers in Python.

    With every look at the time (``looks`` counts them) so many ``cycles`` pass.
    """

    def __init__(self, library: ctypes.CDLL, fake: FakeDevice, *, cycles: int = 1000) -> None:
        self._library = library
        self._step = cycles
        self.looks = 0
        self._time = 0xFFFF_0000  # soon wraps
        self.fake = fake
        self._kept: list[Any] = [
            _Read(lambda address: fake.read_register(address - REGISTERS)),
            _Write(lambda address, value: fake.write_register(address - REGISTERS, value)),
            _Word(self._cycles),
            _Word(lambda: int(fake.interrupt)),
        ]
        self._device = ctypes.c_void_p(library.native_device(*self._kept))

    def _cycles(self) -> int:
        self.looks += 1
        self._time = (self._time + self._step) & 0xFFFF_FFFF
        return self._time

    def open(self) -> int:
        memory = self.fake.memory
        return int(
            self._library.dpu_open(
                self._device,
                ctypes.c_size_t(REGISTERS),
                ctypes.c_void_p(memory.ctypes.data),
                ctypes.c_uint32(len(memory)),
            )
        )

    def load(self, blob: bytes, base: int = 0) -> int:
        words = (ctypes.c_uint32 * -(-len(blob) // 4))()
        ctypes.memmove(words, blob, len(blob))
        self._kept.append(words)
        return int(self._library.dpu_load(self._device, words, ctypes.c_uint32(len(blob)), base))

    def set_input(self, index: int, array: np.ndarray) -> int:
        data = array.tobytes()
        return int(self._library.dpu_set_input(self._device, index, data, len(data)))

    def infer(self) -> int:
        return int(self._library.dpu_infer(self._device))

    def output(self, index: int, size: int) -> tuple[int, bytes]:
        room = ctypes.create_string_buffer(size)
        result = self._library.dpu_get_output(self._device, index, room, size)
        return int(result), room.raw

    def abort(self) -> bool:
        self._library.dpu_abort.restype = ctypes.c_bool
        return bool(self._library.dpu_abort(self._device))

    def largest(self, array: np.ndarray, kind: int) -> tuple[int, int]:
        margin = ctypes.c_uint32()
        data = array.tobytes()
        best = self._library.dpu_largest(data, len(data), kind, ctypes.byref(margin))
        return int(best), margin.value

    def detail(self) -> tuple[int, int, int, int]:
        """Return index, found, wanted and engine."""
        words = (ctypes.c_uint32 * 4)()
        self._library.native_detail(words)
        return words[0], words[1], words[2], words[3]

    @property
    def cycles(self) -> int:
        return int(self._library.native_cycles())

    def name(self) -> str:
        return str(self._library.dpu_program_name(self._device).decode())

    def text(self, result: int) -> str:
        return str(self._library.dpu_result_text(result).decode())

    def engine(self, index: int) -> str:
        return str(self._library.dpu_engine_name(index).decode())

    def parameter(self, index: int) -> str:
        return str(self._library.dpu_parameter_name(index).decode())
