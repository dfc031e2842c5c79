# SPDX-License-Identifier: Apache-2.0
"""The page: one HTML file that needs nothing else.

Its parts lie in ``assets/``; the template names them as ``<!-- part -->`` or ``/* part */``.
"""

from __future__ import annotations

import html
import importlib.resources
import json
import re

from dpu_host.profile.payload import payload
from dpu_host.profile.subject import Subject

#: In the order in which they are run; all share one scope.
SCRIPTS = (
    "format.js",
    "tooltip.js",
    "summary.js",
    "cycles.js",
    "view.js",
    "tracks.js",
    "areas.js",
    "timeline.js",
    "input.js",
    "instruction.js",
    "layers.js",
    "roofline.js",
    "energy.js",
    "main.js",
)
_SLOT = re.compile(r"<!-- (\w+) -->|/\* (\w+) \*/")


def page(subject: Subject) -> str:
    """Return the page as text."""
    folder = importlib.resources.files("dpu_host.profile") / "assets"

    def asset(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    # No "<" is left in the data, so that nothing in a tensor's name can end its element.
    data = json.dumps(payload(subject), separators=(",", ":")).replace("<", "\\u003c")
    parts = {
        "title": html.escape(f"{subject.name} on {subject.statistics['preset']}"),
        "style": asset("style.css"),
        "data": data,
        "script": "\n".join(asset(name) for name in SCRIPTS),
    }
    return _SLOT.sub(lambda slot: parts[slot[1] or slot[2]], asset("page.html"))
