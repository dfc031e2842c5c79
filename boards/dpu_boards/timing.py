# SPDX-License-Identifier: Apache-2.0
"""What nextpnr says of a routed design: clocks, cells, the critical path by our modules."""

import dataclasses
import json

__all__ = ["ClockResult", "PathStep", "RoutedDesign", "read_report", "resources"]

#: Resources of a part by what nextpnr calls the cells that fill them.
_RESOURCES = {
    "LUT4": ("TRELLIS_COMB",),
    "FF": ("TRELLIS_FF",),
    "DP16KD": ("DP16KD",),
    "MULT18X18D": ("MULT18X18D",),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClockResult:
    """A clock after routing.

    Parameters
    ----------
    name : :class:`str`
        Its net.
    achieved, wanted : :class:`float`
        Frequencies in hertz.
    """

    name: str
    achieved: float
    wanted: float

    @property
    def holds(self):
        """Whether it is as fast as it should be."""
        return self.achieved >= self.wanted


@dataclasses.dataclass(frozen=True, kw_only=True)
class PathStep:
    """Part of a critical path that lies in one module.

    Parameters
    ----------
    module : :class:`str`
        Path of the module's name.
    logic, routing : :class:`float`
        Delays in ns, of cells and of the wires that lead to the next cell.
    cells : :class:`int`
        Cells passed.
    """

    module: str
    logic: float
    routing: float
    cells: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class RoutedDesign:
    """A design after place and route.

    Parameters
    ----------
    clocks : :class:`list` of :class:`ClockResult`
        Clocks that have a constraint or a path.
    used, available : :class:`dict` of :class:`str` to :class:`int`
        Cells by type.
    path : :class:`list` of :class:`PathStep`
        The slowest path within a clock, from its first register on.
    path_clock : :class:`str`
        That clock.
    """

    clocks: list
    used: dict
    available: dict
    path: list
    path_clock: str


def module_of(cell):
    """Return the module's path in a cell's name.

    Synthesis names a cell after what it drives, with the module's path in front.
    """
    name = cell.split("$")[0].rstrip(".\\")
    for mark in ("_LUT4", "_TRELLIS", "_CCU2C", "_PFUMX", "_L6MUX", "_FD", "_ALU", "_DFF"):
        name = name.split(mark)[0]
    parts = name.split(".")
    return ".".join(parts[:-1]) or "top"


def _steps(path):
    steps = []
    for part in path:
        module = module_of(part["from"]["cell"])
        routing = part["type"] == "routing"
        delay = part["delay"]
        if not steps or steps[-1].module != module:
            steps.append(PathStep(module=module, logic=0.0, routing=0.0, cells=0))
        last = steps[-1]
        steps[-1] = dataclasses.replace(
            last,
            logic=last.logic + (0 if routing else delay),
            routing=last.routing + (delay if routing else 0),
            cells=last.cells + (not routing),
        )
    return steps


def read_report(file):
    """Read the JSON that ``nextpnr --report`` wrote into a :class:`RoutedDesign`."""
    values = json.loads(file.read_text(encoding="utf-8"))
    clocks = [
        ClockResult(
            name=name, achieved=clock["achieved"] * 1e6, wanted=clock.get("constraint", 0) * 1e6
        )
        for name, clock in values["fmax"].items()
    ]
    within = [
        path
        for path in values["critical_paths"]
        if path["from"].split()[-1] == path["to"].split()[-1] and path["path"]
    ]
    slowest = max(
        within, key=lambda path: sum(part["delay"] for part in path["path"]), default=None
    )
    utilization = values["utilization"]
    return RoutedDesign(
        clocks=clocks,
        used={name: count["used"] for name, count in utilization.items()},
        available={name: count["available"] for name, count in utilization.items()},
        path=_steps(slowest["path"]) if slowest else [],
        path_clock=slowest["from"].split()[-1] if slowest else "",
    )


def resources(routed, part):
    """Return name, use and capacity of each resource that a part has a budget of."""
    rows = []
    for name, capacity in part.budget.items():
        types = _RESOURCES.get(name, (name,))
        rows.append((name, sum(routed.used.get(kind, 0) for kind in types), capacity))
    return rows
