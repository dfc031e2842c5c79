# SPDX-License-Identifier: Apache-2.0
"""What a fault is."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fault:
    """What is wrong, where, and who notices.

    ``old`` occurs exactly once in ``file`` and becomes ``new``. ``test`` is a pytest node.
    """

    name: str
    file: str
    old: str
    new: str
    test: str
