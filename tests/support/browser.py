# SPDX-License-Identifier: Apache-2.0
"""A page in headless Chromium."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", "--v=0"),
)


def browser() -> str:
    """Return the browser, or skip the test."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium: the page is not rendered (Debian: apt-get install chromium)")
    return found


def rendered(page: Path, profile: Path, *options: str, part: str = "") -> tuple[str, str]:
    """Open a page in an empty profile; return its elements as text, and what the console said."""
    profile.mkdir()
    done = subprocess.run(
        [
            *(browser(), *_FLAGS, f"--user-data-dir={profile}", "--window-size=1400,2400"),
            *(*options, "--dump-dom", f"{page.as_uri()}{part}"),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)
