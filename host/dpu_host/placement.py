# SPDX-License-Identifier: Apache-2.0
"""Where a program and its tensors lie in DRAM."""

from __future__ import annotations

import dataclasses

from dpu_spec.isa import WINDOW_ARENA, WINDOW_INPUT, WINDOW_OUTPUT, WINDOW_PROGRAM, WINDOWS
from dpu_spec.program import Program

#: Windows begin at multiples of this.
PAGE = 4096


@dataclasses.dataclass(frozen=True)
class Window:
    """One DRAM window: where it begins, and how many bytes of it the DPU may touch."""

    base: int
    size: int


def place(program: Program, base: int) -> tuple[Window, ...]:
    """Return the windows of a program, by number, one after the other from an address on."""
    if base % PAGE:
        raise ValueError(f"The base address must be a multiple of {PAGE}, not {base}.")
    sizes = {
        WINDOW_PROGRAM: len(program.image),
        WINDOW_ARENA: program.arena_bytes,
        WINDOW_INPUT: program.input_bytes,
        WINDOW_OUTPUT: program.output_bytes,
    }
    windows = []
    for index in range(WINDOWS):
        windows.append(Window(base, sizes[index]))
        base += -(-sizes[index] // PAGE) * PAGE
    return tuple(windows)
