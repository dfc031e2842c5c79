# SPDX-License-Identifier: Apache-2.0
"""The commands of Vivado that build scripts use, for a Tcl interpreter: they check and record.

A command that isn't here fails as in any Tcl, and so does one with an option that UG835 doesn't
have, a pin that no cell has, or a property that the cell's documentation doesn't name.
"""

import re
import tkinter
from pathlib import Path

#: Options of each command (UG835) that a script of ours may use: those with a value, those without.
OPTIONS = {
    "create_project": ({"-part"}, {"-force"}),
    "get_board_parts": (set(), {"-quiet", "-latest_file_version"}),
    "set_property": (set(), {"-dict"}),
    "get_property": (set(), set()),
    "current_project": (set(), set()),
    "add_files": (set(), {"-norecurse"}),
    "update_compile_order": ({"-fileset"}, set()),
    "create_bd_design": (set(), set()),
    "create_bd_cell": ({"-type", "-vlnv", "-reference"}, set()),
    "apply_bd_automation": ({"-rule", "-config"}, set()),
    "get_bd_cells": (set(), set()),
    "get_bd_pins": (set(), set()),
    "get_bd_intf_pins": (set(), set()),
    "get_bd_addr_spaces": (set(), set()),
    "get_bd_addr_segs": ({"-of_objects"}, set()),
    "connect_bd_net": (set(), set()),
    "connect_bd_intf_net": (set(), set()),
    "assign_bd_address": ({"-offset", "-range", "-target_address_space"}, {"-force"}),
    "validate_bd_design": (set(), set()),
    "save_bd_design": (set(), set()),
    "get_files": (set(), set()),
    "get_filesets": (set(), set()),
    "generate_target": (set(), set()),
    "make_wrapper": ({"-files"}, {"-top"}),
    "launch_runs": ({"-to_step", "-jobs"}, set()),
    "wait_on_run": (set(), set()),
    "get_runs": (set(), set()),
    "open_run": (set(), set()),
    "report_timing_summary": ({"-file"}, set()),
    "report_utilization": ({"-file"}, {"-hierarchical"}),
}
#: Parameters of processing_system7 (PG082, and Digilent's preset of the board).
PS7 = {
    *("USE_M_AXI_GP0", "EN_CLK0_PORT", "EN_RST0_PORT", "FPGA0_PERIPHERAL_FREQMHZ"),
    *("USE_FABRIC_INTERRUPT", "IRQ_F2P_INTR"),
    *(f"USE_S_AXI_HP{index}" for index in range(4)),
    *(f"S_AXI_HP{index}_DATA_WIDTH" for index in range(4)),
    *("CRYSTAL_PERIPHERAL_FREQMHZ", "APU_PERIPHERAL_FREQMHZ", "PRESET_BANK1_VOLTAGE"),
    *("UART0_PERIPHERAL_ENABLE", "UART0_UART0_IO", "SD0_PERIPHERAL_ENABLE", "SD0_SD0_IO"),
    *(f"UIPARAM_DDR_{name}" for name in ("PARTNO", "FREQ_MHZ", "BUS_WIDTH")),
    *(f"UIPARAM_DDR_DQS_TO_CLK_DELAY_{index}" for index in range(2)),
    *(f"UIPARAM_DDR_BOARD_DELAY{index}" for index in range(2)),
}
_RESET_PINS = {
    *("slowest_sync_clk", "ext_reset_in", "aux_reset_in", "mb_debug_sys_rst", "dcm_locked"),
    *("mb_reset", "bus_struct_reset", "peripheral_reset", "interconnect_aresetn"),
    "peripheral_aresetn",
}
_INTERCONNECT_PINS = {
    *("ACLK", "ARESETN", "S00_ACLK", "S00_ARESETN", "M00_ACLK", "M00_ARESETN"),
}
_INFO = re.compile(r'X_INTERFACE_INFO = "(\S+) (\w+) (\w+)"')


class Vivado:
    """A Tcl interpreter with those commands, and what a script did.

    Parameters
    ----------
    boards
        Names of the board files that are installed.
    slack
        What timing analysis finds.
    progress
        How far implementation comes.
    """

    def __init__(self, *, boards=(), slack="0.5", progress="100%"):
        self.boards = list(boards)
        self.slack, self.progress = slack, progress
        self.calls = []
        self.files = []
        self.cells = {}
        self.properties = {}
        self.nets = {}
        self.buses = {}
        self.addresses = {}
        self.folder = None
        self.name = None
        self.output = []
        self.tcl = tkinter.Tcl()
        for name in OPTIONS:
            self.tcl.createcommand(name, self._command(name))
        self.tcl.createcommand("puts", self.output.append)

    def source(self, script):
        """Run a script."""
        self.tcl.call("source", str(script))

    def order(self, *names):
        """Return the names of those commands in the order in which they were called."""
        return [name for name, _, _ in self.calls if name in names]

    def _command(self, name):
        values, flags = OPTIONS[name]

        def call(*words):
            options, rest = {}, []
            words = [str(word) for word in words]
            while words:
                word = words.pop(0)
                if word in values:
                    options[word] = words.pop(0)
                elif word in flags:
                    options[word] = True
                elif word.startswith("-") and not word[1:2].isdigit():
                    raise ValueError(f"{name} has no option {word}")
                else:
                    rest.append(word)
            self.calls.append((name, options, rest))
            method = getattr(self, f"_{name}", None)
            return "" if method is None else method(options, *rest)

        return call

    def _list(self, text):
        return [str(item) for item in self.tcl.splitlist(text)]

    # The project

    def _create_project(self, options, name, folder):
        self.folder, self.name = Path(folder), name
        self.properties["part"] = options["-part"]

    def _get_board_parts(self, options, pattern):
        expression = re.escape(pattern).replace(r"\*", ".*")
        return " ".join(board for board in self.boards if re.fullmatch(expression, board))

    def _current_project(self, options):
        return "project"

    def _add_files(self, options, path):
        assert Path(path).is_file(), path
        self.files.append(Path(path))

    def _set_property(self, options, first, second, third=None):
        if "-dict" in options:
            settings, target = self._list(first), second
            pairs = zip(settings[::2], settings[1::2], strict=True)
        else:
            pairs, target = [(first, second)], third
        for key, value in pairs:
            if self.cells.get(target) == "processing_system7":
                assert key.removeprefix("CONFIG.PCW_") in PS7, key
            self.properties[target, key] = value

    def _get_property(self, options, name, target):
        assert target == "impl_1"
        values = {"PROGRESS": self.progress, "STATUS": "ended", "STATS.WNS": self.slack}
        return values.get(name) or str(self.folder / f"{self.name}.runs" / "impl_1")

    # The block design

    def _create_bd_cell(self, options, name):
        if options["-type"] == "module":
            texts = [path.read_text() for path in self.files]
            module = options["-reference"]
            (self.cells[name],) = [t for t in texts if re.search(rf"^module {module} ", t, re.M)]
            return
        vendor, library, kind, version = options["-vlnv"].split(":")
        assert (vendor, library) == ("xilinx.com", "ip")
        known = {"processing_system7": "5.5", "proc_sys_reset": "5.0", "axi_interconnect": "2.1"}
        assert version == known[kind]
        self.cells[name] = kind

    def _apply_bd_automation(self, options, cell):
        config = self._list(options["-config"])
        self.properties["automation"] = dict(zip(config[::2], config[1::2], strict=True))

    def _pins(self, cell):
        """Return the pins, and the buses, that a cell has with its present properties."""
        kind = self.cells[cell]
        if kind == "proc_sys_reset":
            return _RESET_PINS, set()
        if kind == "axi_interconnect":
            return _INTERCONNECT_PINS, {"S00_AXI", "M00_AXI"}
        if kind != "processing_system7":
            found = _INFO.findall(kind)
            buses = {name for vlnv, name, _ in found if ":aximm:" in vlnv}
            return {name for _, name, _ in found} - buses, buses
        pins, buses = set(), set()
        for needs, pin in (
            ("EN_CLK0_PORT", "FCLK_CLK0"),
            ("EN_RST0_PORT", "FCLK_RESET0_N"),
            ("IRQ_F2P_INTR", "IRQ_F2P"),
            ("USE_M_AXI_GP0", "M_AXI_GP0_ACLK"),
            *((f"USE_S_AXI_HP{index}", f"S_AXI_HP{index}_ACLK") for index in range(4)),
        ):
            if self.properties.get((cell, f"CONFIG.PCW_{needs}")) == "1":
                pins.add(pin)
                if "AXI" in pin:
                    buses.add(pin.removesuffix("_ACLK"))
        return pins, buses

    def _get_bd_cells(self, options, name):
        assert name in self.cells, name
        return name

    def _get_bd_pins(self, options, path):
        cell, pin = path.split("/")
        assert pin in self._pins(cell)[0], path
        return path

    def _get_bd_intf_pins(self, options, path):
        cell, pin = path.split("/")
        assert pin in self._pins(cell)[1], path
        return path

    def _get_bd_addr_spaces(self, options, path):
        cell, name = path.split("/")
        assert name == "Data" or name in self._pins(cell)[1]
        return path

    def _get_bd_addr_segs(self, options, path=None):
        if path is None:
            return f"{options['-of_objects']}/segment"
        cell, bus, segment = path.split("/")
        assert bus in self._pins(cell)[1]
        assert segment == f"{bus.removeprefix('S_AXI_')}_DDR_LOWOCM"
        return path

    def _connect_bd_net(self, options, source, *sinks):
        for sink in sinks:
            assert sink not in self.nets, f"{sink} is driven already"
            self.nets[sink] = source

    def _connect_bd_intf_net(self, options, master, slave):
        assert master not in self.buses
        assert slave not in self.buses.values()
        self.buses[master] = slave

    def _assign_bd_address(self, options, segment):
        space = options["-target_address_space"]
        self.addresses[space, segment] = int(options["-offset"], 0), int(options["-range"], 0)

    # The run

    def _get_files(self, options, name):
        return name

    def _get_filesets(self, options, name):
        return name

    def _get_runs(self, options, name):
        return name

    def _make_wrapper(self, options):
        path = self.folder / f"{self.name}_wrapper.v"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        return str(path)

    def _wait_on_run(self, options, name):
        """Write what a run leaves."""
        run = self.folder / f"{self.name}.runs" / "impl_1"
        handoff = self.folder / f"{self.name}.gen/sources_1/bd/{self.name}/hw_handoff"
        for path in (run / f"{self.name}_wrapper.bit", handoff / f"{self.name}.hwh"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.suffix)
