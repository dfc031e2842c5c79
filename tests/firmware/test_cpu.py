# SPDX-License-Identifier: Apache-2.0
"""The processor with firmware, beside a DPU that never ends a run."""

import struct
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import verilog

from dpu_compiler.compile import compile_graph
from dpu_compiler.frontend.tflite import read_model
from dpu_host.firmware_blob import firmware_blob
from dpu_sim.standalone import build_standalone, run_firmware
from dpu_spec import blob as layout
from dpu_spec.presets import preset
from tests.support import standalone
from tests.support.dpu_without_engines import DpuWithoutEngines

MODEL = Path(__file__).resolve().parents[2] / "examples" / "digits" / "digits_int8.tflite"
LIMIT = 20_000


def impatient(blob: bytes) -> bytes:
    """Return a program whose runs may take few cycles."""
    index, balance = (
        [name for name, _ in layout.HEADER].index(name) for name in ("cycle_limit", "balance")
    )
    words = list(struct.unpack(f"<{len(blob) // 4}I", blob))
    words[balance] = (words[balance] + words[index] - LIMIT) % (1 << 32)
    words[index] = LIMIT
    return struct.pack(f"<{len(words)}I", *words)


@pytest.mark.rtl
@pytest.mark.parametrize("seed", [None, 1])
def test_a_run_that_never_ends(seed: int | None, tmp_path: Path) -> None:
    configuration = preset("b128")
    blob = impatient(firmware_blob(compile_graph(read_model(MODEL), configuration)))
    picture = np.zeros((1, 28, 28, 1), np.int8)
    firmware = standalone.firmware("b128", blob, [picture], tmp_path)
    design = DpuWithoutEngines(
        configuration=configuration,
        memory_bytes=standalone.MEMORY["b128"],
        dram_bytes=standalone.DRAM,
    )
    text = verilog.convert(design, name="standalone", emit_src=False)
    simulator = build_standalone(text, [standalone.core()], checked=True)
    lines = run_firmware(simulator, firmware, dram_bytes=standalone.DRAM, seed=seed)
    first, second, third, last = lines
    assert first.text == "Tandem DPU"
    assert second.text.startswith("digits_int8.tflite: loaded in ")
    assert third.text == "error: the run didn't end in time and was aborted"
    assert last.text == "end"
    # The limit, then a million cycles for the abort.
    took = third.cycle - second.cycle
    assert LIMIT + 1_000_000 < took < LIMIT + 1_050_000
