# SPDX-License-Identifier: Apache-2.0
"""Reading what nextpnr reports."""

import json

from dpu_boards.parts import ECP5_85F
from dpu_boards.timing import module_of, read_report, resources


def end(cell, port="Q"):
    return {"cell": cell, "port": port, "loc": [1, 2]}


def part(kind, delay, source, sink):
    return {"type": kind, "delay": delay, "from": end(source), "to": end(sink)}


REPORT = {
    "fmax": {"dpu_clk": {"achieved": 81.25, "constraint": 80.0}, "slow": {"achieved": 3.0}},
    "utilization": {
        "TRELLIS_COMB": {"used": 60000, "available": 83640},
        "TRELLIS_FF": {"used": 40000, "available": 83640},
        "DP16KD": {"used": 160, "available": 208},
        "MULT18X18D": {"used": 156, "available": 156},
    },
    "critical_paths": [
        {"from": "posedge a", "to": "posedge b", "path": [part("logic", 99.0, "x.y", "x.y")]},
        {
            "from": "posedge dpu_clk",
            "to": "posedge dpu_clk",
            "path": [
                part("clk-to-q", 0.5, "soc.dpu.load.count_TRELLIS_FF_Q", "soc.dpu.load.count"),
                part("routing", 1.25, "soc.dpu.load.count_TRELLIS_FF_Q", "soc.dpu.store.a_LUT4_Z"),
                part("logic", 0.25, "soc.dpu.store.a_LUT4_Z", "soc.dpu.store.a_LUT4_Z"),
                part("routing", 2.0, "soc.dpu.store.a_LUT4_Z", "soc.dpu.store.b_LUT4_Z_1"),
            ],
        },
    ],
}


def test_the_critical_path_is_told_by_modules(tmp_path):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(REPORT))
    routed = read_report(file)
    assert routed.path_clock == "dpu_clk"
    told = [(step.module, step.cells, step.logic, step.routing) for step in routed.path]
    assert told == [("soc.dpu.load", 1, 0.5, 1.25), ("soc.dpu.store", 1, 0.25, 2.0)]
    assert [clock.holds for clock in routed.clocks] == [True, True]
    assert routed.clocks[0].achieved == 81.25e6


def test_resources_are_held_against_the_part(tmp_path):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(REPORT))
    assert resources(read_report(file), ECP5_85F) == [
        ("LUT4", 60000, 83640),
        ("FF", 40000, 83640),
        ("DP16KD", 160, 208),
        ("MULT18X18D", 156, 156),
    ]


def test_names_of_cells_lead_to_modules():
    assert module_of("soc.dpu.conv.array.pe_0_1.sum_o_CCU2C_S0_3$ccu2_comb_0") == (
        "soc.dpu.conv.array.pe_0_1"
    )
    assert module_of("x_LUT4_Z") == "top"
