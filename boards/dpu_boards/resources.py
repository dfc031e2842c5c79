# SPDX-License-Identifier: Apache-2.0
"""What a synthesized design takes, block by block, from the statistics of Yosys."""

import dataclasses
from collections import Counter

__all__ = ["Block", "Figures", "UnknownCell", "blocks", "figures", "over_budget"]


class UnknownCell(ValueError):
    """Yosys left a cell that no resource of the family accounts for."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A module that was synthesized on its own.

    Parameters
    ----------
    path : :class:`str`
        Where it is in the design; the top is the empty path.
    cells : :class:`collections.Counter`
        Its cells by type, those of blocks inside included.
    """

    path: str
    cells: Counter


@dataclasses.dataclass(frozen=True)
class Figures:
    """What a block takes of each resource.

    Parameters
    ----------
    path : :class:`str`
        Where it is in the design.
    used : :class:`dict` of :class:`str` to :class:`float`
        Of each resource.
    """

    path: str
    used: dict


def blocks(statistics, top):
    """Return the blocks of a design, each before those inside it.

    Parameters
    ----------
    statistics : :class:`dict`
        What ``stat -json`` wrote.
    top : :class:`str`
        The top module.
    """
    modules = {
        name.removeprefix("\\"): module["num_cells_by_type"]
        for name, module in statistics["modules"].items()
    }
    found = []

    def visit(name, path):
        place = len(found)
        found.append(None)
        cells = Counter()
        for kind, count in modules[name].items():
            if kind in modules:
                # Names of modules are the paths of their instances.
                inner = kind.removeprefix(f"{top}.")
                for number in range(count):
                    cells += visit(kind, f"{inner}[{number}]" if count > 1 else inner)
            elif not kind.startswith("$"):
                cells[kind] += count
        found[place] = Block(path, cells)
        return cells

    visit(top, "")
    return found


def figures(block, family):
    """Count what a block takes of the resources of a family.

    Raises
    ------
    UnknownCell
        If there are cells of a type that the family doesn't know.
    """
    known = set(family.free).union(*family.resources.values())
    unknown = sorted(set(block.cells) - known)
    if unknown:
        raise UnknownCell(
            f"{block.path or 'the design'}: cells of unknown types: {', '.join(unknown)}; "
            "say in dpu_boards.parts what they take."
        )
    used = {
        resource: sum(block.cells[kind] * amount for kind, amount in kinds.items())
        for resource, kinds in family.resources.items()
    }
    return Figures(block.path, used)


def over_budget(total, part):
    """Return a sentence for each resource that a design takes more of than a part has."""
    return [
        f"{resource}: {total.used[resource]:g} of {available} of the {part.name}"
        for resource, available in part.budget.items()
        if total.used[resource] > available
    ]
