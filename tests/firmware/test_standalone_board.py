# SPDX-License-Identifier: Apache-2.0
"""Firmware on all of a board's logic: its SDRAM and its serial line are models of the parts."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_hw.cpu.standalone_board import StandaloneBoard
from dpu_hw.sdram import W9825G6KH
from dpu_sim.board import BoardProcess, MemoryRules, build_board
from dpu_spec.presets import preset
from tests.support import standalone

pytestmark = [pytest.mark.rtl, pytest.mark.slow]
MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
CLOCK_HERTZ = 50_000_000
#: Cycles of a bit.
DIVISOR = 10
#: Nanoseconds until the SDRAM may be started: no reason to simulate the chip's 200,000.
CHIP = dataclasses.replace(W9825G6KH, power_up=2e3)
LIMIT = 5_000_000


def test_digits_on_a_board(tmp_path: Path) -> None:
    graph = read_model(MODEL)
    program = compile_graph(graph, preset("tiny"))
    # The same pictures in each run: they are part of the bitstream, so that the build can be kept.
    noise = np.random.default_rng(6)
    pictures = [noise.integers(-128, 128, (1, 28, 28, 1)).astype(np.int8) for _ in range(2)]
    firmware = standalone.firmware("tiny", program, pictures, tmp_path)
    board = StandaloneBoard(
        configuration=preset("tiny"),
        firmware=firmware,
        chip=CHIP,
        clock_hertz=CLOCK_HERTZ,
        baud=CLOCK_HERTZ // DIVISOR,
        memory_bytes=standalone.MEMORY["tiny"],
    )
    source = tmp_path / "soc.v"
    source.write_text(verilog.convert(board, name="soc", emit_src=False))
    simulator = build_board([source, standalone.core()])
    rules = MemoryRules.of(CHIP, CLOCK_HERTZ)
    with BoardProcess(simulator, rules, divisor=DIVISOR) as process:
        process.reset()
        text = b""
        while not text.endswith(b"end\r\n"):
            byte = process.receive(1, LIMIT)
            assert byte, f"nothing came behind {text!r}"
            text += byte
        image = process.read_memory(0, len(program.image))
    assert image == program.image
    lines = text.decode().split("\r\n")
    assert lines[0] == "Tandem DPU"
    logits = graph.operators[-1].inputs[0]
    for number, picture in enumerate(pictures):
        values = graph.run({graph.inputs[0]: picture})[logits].reshape(-1).astype(int)
        order = np.sort(values)
        answer = f"{number}: class {values.argmax()} margin {order[-1] - order[-2]} cycles"
        assert re.fullmatch(rf"{answer} \d+", lines[2 + number])
    assert lines[4:] == ["end", ""]
