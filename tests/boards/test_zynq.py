# amaranth: UnusedElaboratable=no
# SPDX-License-Identifier: Apache-2.0
"""What is written for Vivado: interfaces that it knows, and a script that connects them all."""

import dataclasses
import json
import re
import subprocess

import pytest

from dpu_boards import arty_z7
from dpu_boards.yosys import SynthesisError, find_yosys
from dpu_boards.zynq_ip import CORE, MODULE
from dpu_boards.zynq_overlay import package
from dpu_spec.configuration import from_file
from dpu_spec.presets import PRESETS

WIDE = dataclasses.replace(PRESETS["tiny"], axi_bytes=16)
HP = ("m_axi_hp0", "m_axi_hp1")

_REQUEST = ("ADDR", "LEN", "SIZE", "BURST", "LOCK", "CACHE", "PROT", "ID", "VALID")
#: Signals of AXI3 and AXI4-Lite, as their specification (ARM IHI 0022) has them.
AXI3 = {
    "master": {
        *(channel + name for channel in ("AW", "AR") for name in _REQUEST),
        *("WID", "WDATA", "WSTRB", "WLAST", "WVALID", "BREADY", "RREADY"),
    },
    "slave": {
        *("AWREADY", "WREADY", "BID", "BRESP", "BVALID", "ARREADY"),
        *("RID", "RDATA", "RRESP", "RLAST", "RVALID"),
    },
}
LITE = {
    "master": {
        *(channel + name for channel in ("AW", "AR") for name in ("ADDR", "PROT", "VALID")),
        *("WDATA", "WSTRB", "WVALID", "BREADY", "RREADY"),
    },
    "slave": {
        *("AWREADY", "WREADY", "BRESP", "BVALID", "ARREADY", "RDATA", "RRESP", "RVALID"),
    },
}
AXI3_WIDTHS = {"LEN": 4, "SIZE": 3, "BURST": 2, "LOCK": 2, "CACHE": 4, "PROT": 3, "ADDR": 32}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the package of a DPU with two memory ports."""
    return package(arty_z7.BOARD, tmp_path_factory.mktemp("package"), configuration=WIDE)


@pytest.fixture(scope="module")
def ports(written):
    """Return (direction, width, attributes) of each port of the IP, as Yosys reads them."""
    try:
        yosys = find_yosys()
    except SynthesisError as error:
        pytest.skip(str(error))
    folder = written.sources[0].parent
    commands = f"read_verilog {MODULE}.v; write_json {MODULE}.json"
    subprocess.run([yosys, "-q", "-p", commands], cwd=folder, check=True)
    module = json.loads((folder / f"{MODULE}.json").read_text())["modules"][MODULE]
    return {
        name: (port["direction"], len(port["bits"]), module["netnames"][name]["attributes"])
        for name, port in module["ports"].items()
    }


def _info(attributes):
    return attributes["X_INTERFACE_INFO"].split()


def _parameters(ports, interface):
    """Return the parameters that one port gives an interface."""
    found = [
        attributes["X_INTERFACE_PARAMETER"]
        for _, _, attributes in ports.values()
        if _info(attributes)[1] == interface and "X_INTERFACE_PARAMETER" in attributes
    ]
    (text,) = found
    first, *pairs = text.split(", ")
    assert first == f"XIL_INTERFACENAME {interface}"
    return dict(pair.split() for pair in pairs)


def test_every_port_belongs_to_an_interface(ports):
    kinds = {name: _info(attributes)[:2] for name, (_, _, attributes) in ports.items()}
    assert {tuple(kind) for kind in kinds.values()} == {
        ("xilinx.com:signal:clock:1.0", "aclk"),
        ("xilinx.com:signal:reset:1.0", "aresetn"),
        ("xilinx.com:signal:interrupt:1.0", "interrupt"),
        *(("xilinx.com:interface:aximm:1.0", name) for name in ("s_axi_control", *HP)),
    }
    signals = {"aclk": "CLK", "aresetn": "RST", "interrupt": "INTERRUPT"}
    for name, (direction, _, attributes) in ports.items():
        _, interface, signal = _info(attributes)
        if interface in signals:
            assert (name, signal) == (interface, signals[interface])
            assert direction == ("output" if name == "interrupt" else "input")
        else:
            # The name alone would be enough for Vivado (UG1118).
            assert name == f"{interface}_{signal.lower()}"


@pytest.mark.parametrize(
    ("interface", "role", "bus"),
    [("s_axi_control", "slave", LITE), *((name, "master", AXI3) for name in HP)],
)
def test_buses_have_their_signals(ports, interface, role, bus):
    found = {"input": set(), "output": set()}
    widths = {}
    for direction, width, attributes in ports.values():
        if _info(attributes)[1] == interface:
            found[direction].add(_info(attributes)[2])
            widths[_info(attributes)[2]] = width
    other = "master" if role == "slave" else "slave"
    assert found == {"output": bus[role], "input": bus[other]}
    data = 64 if bus is AXI3 else 32
    assert (widths["WDATA"], widths["RDATA"], widths["WSTRB"]) == (data, data, data // 8)
    assert (widths["BRESP"], widths["RRESP"]) == (2, 2)
    if bus is AXI3:
        for channel in ("AW", "AR"):
            for name, width in AXI3_WIDTHS.items():
                assert widths[channel + name] == width
    else:
        assert widths["AWADDR"] == widths["ARADDR"] == 16


def test_parameters_of_interfaces(ports):
    clock = _parameters(ports, "aclk")
    assert clock == {
        "ASSOCIATED_BUSIF": "s_axi_control:m_axi_hp0:m_axi_hp1",
        "ASSOCIATED_RESET": "aresetn",
    }
    assert _parameters(ports, "aresetn") == {"POLARITY": "ACTIVE_LOW"}
    assert _parameters(ports, "interrupt") == {"SENSITIVITY": "LEVEL_HIGH"}
    control = {"PROTOCOL": "AXI4LITE", "DATA_WIDTH": "32", "ADDR_WIDTH": "16"}
    assert _parameters(ports, "s_axi_control") == control
    for name in HP:
        found = _parameters(ports, name)
        assert found["PROTOCOL"] == "AXI3"
        assert found["DATA_WIDTH"] == "64"
        assert found["MAX_BURST_LENGTH"] == "16"
        assert found["ID_WIDTH"] == "1"


def test_the_wrapper_connects_every_port_of_the_core(written):
    wrapper, core = (path.read_text() for path in written.sources)
    connections = dict(re.findall(r"\.(\w+)\(~?(\w+)\)", wrapper))
    declared = re.findall(r"^  (?:input|output) (?:\[.*\] )?(\w+);$", _module(core), re.M)
    assert len(declared) > 60
    assert set(connections) == set(declared)
    assert "rst(~aresetn)" in wrapper


def _module(text):
    """Return the text of the core's top module."""
    return re.search(rf"^module {CORE}\(.*?^endmodule", text, re.M | re.S)[0]


def test_multiplications_use_the_fpga_s_blocks(written):
    assert "DSP48E1" in written.sources[1].read_text()


def test_the_manifest_has_configuration_and_board(written):
    assert from_file(written.manifest) == WIDE
    description = json.loads(written.manifest.read_text())
    assert description["board"]["clock_hertz"] == 100_000_000
    assert description["board"]["register_base"] == 0x43C0_0000
    for name in (*description["files"]["verilog"], description["files"]["script"]):
        assert (written.manifest.parent / name).is_file()


# The script


def _vivado(script, **options):
    pytest.importorskip("tkinter", reason="this Python was built without Tcl")
    from tests.boards.vivado import Vivado

    vivado = Vivado(**options)
    vivado.source(script)
    return vivado


@pytest.fixture(scope="module")
def built(written):
    """Return what the script does where no board file is installed."""
    return _vivado(written.script)


def test_one_clock_and_its_resets_reach_everything(built):
    clocked = {
        *("ps/M_AXI_GP0_ACLK", "ps/S_AXI_HP0_ACLK", "ps/S_AXI_HP1_ACLK"),
        *("reset/slowest_sync_clk", "dpu/aclk"),
        *("interconnect/ACLK", "interconnect/S00_ACLK", "interconnect/M00_ACLK"),
    }
    assert {pin for pin, source in built.nets.items() if source == "ps/FCLK_CLK0"} == clocked
    others = {pin: source for pin, source in built.nets.items() if pin not in clocked}
    assert others == {
        "reset/ext_reset_in": "ps/FCLK_RESET0_N",
        "interconnect/ARESETN": "reset/interconnect_aresetn",
        "interconnect/S00_ARESETN": "reset/peripheral_aresetn",
        "interconnect/M00_ARESETN": "reset/peripheral_aresetn",
        "dpu/aresetn": "reset/peripheral_aresetn",
        "ps/IRQ_F2P": "dpu/interrupt",
    }


def test_buses_and_addresses(built):
    assert built.buses == {
        "ps/M_AXI_GP0": "interconnect/S00_AXI",
        "interconnect/M00_AXI": "dpu/s_axi_control",
        "dpu/m_axi_hp0": "ps/S_AXI_HP0",
        "dpu/m_axi_hp1": "ps/S_AXI_HP1",
    }
    memory = (0, 512 << 20)
    assert built.addresses == {
        ("ps/Data", "dpu/s_axi_control/segment"): (0x43C0_0000, 0x1_0000),
        ("dpu/m_axi_hp0", "ps/S_AXI_HP0/HP0_DDR_LOWOCM"): memory,
        ("dpu/m_axi_hp1", "ps/S_AXI_HP1/HP1_DDR_LOWOCM"): memory,
    }


def test_settings_of_the_processor(built):
    settings = {
        key.removeprefix("CONFIG.PCW_"): value
        for (target, key), value in ((k, v) for k, v in built.properties.items() if len(k) == 2)
        if target == "ps"
    }
    assert settings["FPGA0_PERIPHERAL_FREQMHZ"] == "100"
    assert settings["S_AXI_HP0_DATA_WIDTH"] == settings["S_AXI_HP1_DATA_WIDTH"] == "64"
    assert settings["USE_FABRIC_INTERRUPT"] == "1"
    assert settings["UIPARAM_DDR_PARTNO"] == "MT41J256M16 RE-125"
    assert settings["UIPARAM_DDR_BUS_WIDTH"] == "16 Bit"
    assert built.properties["automation"]["apply_board_preset"] == "0"
    assert built.properties["automation"]["make_external"] == "FIXED_IO, DDR"
    assert built.properties["part"] == "xc7z020clg400-1"
    assert ("project", "board_part") not in built.properties
    assert any("No board file" in line for line in built.output)


def test_the_run_and_what_it_leaves(built, written):
    steps = ("validate_bd_design", "make_wrapper", "launch_runs", "wait_on_run", "open_run")
    assert tuple(built.order(*steps)) == steps
    assert built.properties["sources_1", "top"] == "arty_z7_wrapper"
    folder = written.script.parent
    assert (folder / "arty_z7.bit").read_text() == ".bit"
    assert (folder / "arty_z7.hwh").read_text() == ".hwh"


def test_a_board_file_is_used(written):
    board = "digilentinc.com:arty-z7-20:part0:1.1"
    vivado = _vivado(written.script, boards=["digilentinc.com:arty-z7-10:part0:1.1", board])
    assert vivado.properties["project", "board_part"] == board
    assert vivado.properties["automation"]["apply_board_preset"] == "1"
    assert ("ps", "CONFIG.PCW_UIPARAM_DDR_PARTNO") not in vivado.properties
    assert vivado.properties["ps", "CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ"] == "100"


@pytest.mark.parametrize(
    ("options", "message"),
    [({"progress": "50%"}, "No bitstream: ended; the log is"), ({"slack": "-0.1"}, "Timing fails")],
)
def test_failures_end_the_script(written, options, message):
    tkinter = pytest.importorskip("tkinter", reason="this Python was built without Tcl")
    with pytest.raises(tkinter.TclError, match=message):
        _vivado(written.script, **options)


def test_one_port_for_a_narrow_bus_and_another_clock(tmp_path):
    narrow = package(arty_z7.BOARD, tmp_path, configuration=PRESETS["tiny"], clock_mhz=62.5)
    vivado = _vivado(narrow.script)
    assert [slave for slave in vivado.buses.values() if "HP" in slave] == ["ps/S_AXI_HP0"]
    assert ("ps", "CONFIG.PCW_USE_S_AXI_HP1") not in vivado.properties
    assert vivado.properties["ps", "CONFIG.PCW_S_AXI_HP0_DATA_WIDTH"] == "32"
    assert vivado.properties["ps", "CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ"] == "62.5"
    assert narrow.command == f"vivado -mode batch -source {narrow.script}"
