# SPDX-License-Identifier: Apache-2.0
"""The layers of a run as a table that fits the terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table

from dpu_host.cli.report import percent, short

#: Columns between two cells.
_GAP = 2
#: Characters of layers' names: where there is room, and where there isn't.
_NAME, _SHORT_NAME = 28, 12
#: What is left out of a narrow terminal, in this order, once names are short.
_DISPENSABLE = ("start", "end", "DRAM bytes", "layer", "busy", "MACs", "utilization")


@dataclasses.dataclass(frozen=True)
class _Column:
    title: str
    cells: list[str]
    is_number: bool = True

    @property
    def width(self) -> int:
        return max(cell_len(text) for text in (self.title, *self.cells))


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _columns(found: dict[str, Any]) -> list[_Column]:
    """Return all columns; the last cell of each is that of the totals."""
    layers = found["layers"]
    bytes_moved = (found["dram_read_bytes"] or 0) + (found["dram_write_bytes"] or 0)

    def texts(key: str, total: str = "") -> list[str]:
        return [*(str(layer[key]) for layer in layers), total]

    def counts(key: str, total: int | None = None) -> list[str]:
        return [*(_count(layer[key]) for layer in layers), _count(total)]

    shares = [*(layer["utilization"] for layer in layers), found["utilization_array"]]
    return [
        _Column("", texts("index")),
        _Column("layer", _names(found, _NAME), False),
        _Column("operator", texts("operator", "total"), False),
        _Column("engine", texts("engine"), False),
        _Column("cycles", counts("cycles", found["cycles"])),
        _Column("start", counts("start")),
        _Column("end", counts("end")),
        _Column("busy", counts("busy")),
        _Column("MACs", counts("macs", found["macs"])),
        _Column("utilization", [percent(share) for share in shares]),
        _Column("DRAM bytes", counts("dram_bytes", bytes_moved)),
    ]


def _names(found: dict[str, Any], width: int) -> list[str]:
    return [*(short(layer["name"], width) for layer in found["layers"]), ""]


def _fit(columns: list[_Column], found: dict[str, Any], width: int) -> list[_Column]:
    """Shorten names and leave out columns until the rest fits."""

    def too_wide(some: Sequence[_Column]) -> bool:
        return sum(column.width + _GAP for column in some) - _GAP > width

    if too_wide(columns):
        names = _Column("layer", _names(found, _SHORT_NAME), False)
        columns = [names if column.title == "layer" else column for column in columns]
    for title in _DISPENSABLE:
        if too_wide(columns):
            columns = [column for column in columns if column.title != title]
    return columns


def layer_table(found: dict[str, Any], width: int) -> Table:
    """Return the layers as a table of at most ``width`` columns of the terminal.

    Index, operator, engine and cycles are always there.
    """
    table = Table(
        title=f"Layers on {found['preset']}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    columns = _fit(_columns(found), found, width)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    *rows, totals = zip(*(column.cells for column in columns), strict=True)
    for row in rows:
        table.add_row(*row)
    table.add_section()
    table.add_row(*totals)
    return table
