# SPDX-License-Identifier: Apache-2.0
"""Names out of files, as they may be shown."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text on one line, without what would control a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
