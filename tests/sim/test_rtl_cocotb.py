# SPDX-License-Identifier: Apache-2.0
"""The cocotb runner: public ports, failures, seeds, waves."""

from pathlib import Path

import pytest
from amaranth.back import verilog

from dpu_sim.rtl import SimulationError
from dpu_sim.rtl.cocotb_runner import control_file, port_names, run_cocotb
from tests.rtl.support import WithIdentifiers
from tests.rtl.support_copy import CopyEngine
from tests.rtl.support_stream_bench import Queue

pytestmark = pytest.mark.rtl
BENCH = "tests.rtl.support_copy_bench"
STREAMS = "tests.rtl.support_stream_bench"


def copier() -> WithIdentifiers:
    return WithIdentifiers(CopyEngine(width=64), "axi")


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_a_bench_passes(stall: float, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cocotb(copier(), "copier", BENCH, {"beats": 200, "stall": stall}) == 2
    assert "DPU_SEED=" in capfd.readouterr().out


def test_a_failing_bench_is_reported() -> None:
    parameters = {"beats": 40, "stall": 0, "faulty": True}
    with pytest.raises(SimulationError, match="detects_wrong_data") as caught:
        run_cocotb(copier(), "copier", BENCH, parameters, seed=12)
    assert "1 failures, DPU_SEED=12" in str(caught.value)
    assert "copies:" not in str(caught.value)


def test_a_bench_without_tests_is_a_failure() -> None:
    with pytest.raises(SimulationError, match="no test of"):
        run_cocotb(copier(), "copier", BENCH, testcase="does_not_exist")
    with pytest.raises(SimulationError, match="no test of"):
        run_cocotb(copier(), "copier", "tests.rtl.does_not_exist")


def test_waves(tmp_path: Path) -> None:
    parameters = {"beats": 1, "stall": 0}
    waves = tmp_path / "x.vcd"
    assert run_cocotb(copier(), "copier", BENCH, parameters, testcase="copies", waves=waves) == 1
    assert "axi__rdata" in waves.read_text()


def test_only_ports_are_public() -> None:
    text = verilog.convert(copier(), name="copier", emit_src=False)
    names = port_names(text, "copier")
    assert {"clk", "rst", "axi__awid", "interrupt", "control__rdata"} <= set(names)
    assert "room" not in names
    lines = control_file(text, "copier", ["x"]).splitlines()
    assert lines[0] == "`verilator_config"
    assert len(lines) == 1 + len(names) + 1
    with pytest.raises(ValueError, match="no module 'other'"):
        port_names(text, "other")


@pytest.mark.parametrize(("given", "taken"), [(0.0, 0.0), (0.7, 0.0), (0.0, 0.7), (0.4, 0.4)])
def test_streams(given: float, taken: float) -> None:
    assert run_cocotb(Queue(), "queue", STREAMS, {"input": given, "output": taken}) == 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [("valid", "o: valid fell before"), ("payload", "o: the payload changed while")],
)
def test_a_stream_that_breaks_the_rules_is_found(fault: str, message: str) -> None:
    with pytest.raises(SimulationError, match=message):
        run_cocotb(Queue(fault=fault), "queue", STREAMS, {"input": 0.0, "output": 0.5})
