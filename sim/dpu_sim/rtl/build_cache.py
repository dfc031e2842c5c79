# SPDX-License-Identifier: Apache-2.0
"""A folder of finished builds, each named by a hash of everything that went into it.

Several processes may ask for the same build at once: a file lock lets one of them build while
the others wait, and a build appears under its name by one rename, complete or not at all.
"""

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from .errors import ToolchainError

KEEP = 48
"""The number of builds that stay; the longest unused go first."""

# Make gives other characters, white space above all, a meaning of their own.
_FOR_MAKE = re.compile(r"[\w./+@,-]+")


def cache_folder() -> Path:
    """Return the folder of the cache: ``$DPU_CACHE``, or ``~/.cache/tandem-dpu``."""
    chosen = os.environ.get("DPU_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path.home() / ".cache" / "tandem-dpu"


def content_key(parts: Iterable[str | bytes]) -> str:
    """Return a name for a build that all these parts go into, the machine's type included."""
    digest = hashlib.sha256()
    for part in (platform.machine(), *parts):
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()[:24]


@contextlib.contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a file lock; yields whether it was got (always, unless `wait` is false)."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def work_folder(target: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder to run make in: beside a folder of the cache, or else elsewhere.

    Raise :class:`ToolchainError` where make can work in neither, for the characters of their names.
    """
    for parent in (target.parent, Path(tempfile.gettempdir())):
        if _FOR_MAKE.fullmatch(str(parent)):
            return tempfile.TemporaryDirectory(prefix=".work.", dir=parent)
    raise ToolchainError(
        f"{cache_folder()}: make cannot build in a folder of this name, nor in "
        f"{tempfile.gettempdir()}; set DPU_CACHE to a folder without spaces and special characters"
    )


def _prepare(cache: Path) -> None:
    """Make the folder of the cache; raise :class:`ToolchainError` where it can't be written."""
    try:
        (cache / "locks").mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache).close()
    except OSError as error:
        raise ToolchainError(
            f"{cache}: cannot be the cache of builds: {error.strerror}; set DPU_CACHE to a folder "
            "that can be written to"
        ) from None


def cached(kind: str, key: str, build: Callable[[Path], None], *, keep: int = KEEP) -> Path:
    """Return the folder of a build, building it first when it isn't there.

    Parameters
    ----------
    kind
        A prefix of the name, for whoever looks into the cache.
    key
        The result of :func:`content_key`.
    build
        Fills an empty folder that it is given with the files to keep.
    keep
        The number of builds that stay in the cache.

    Raises
    ------
    ToolchainError
        If the cache cannot be written.
    """
    cache = cache_folder()
    name = f"{kind}-{key}"
    target = cache / name
    if target.is_dir():
        with contextlib.suppress(PermissionError):
            os.utime(target)
        return target
    _prepare(cache)
    with _locked(cache / "locks" / name):
        if target.is_dir():
            return target
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=cache) as folder:
            made = Path(folder) / "made"
            made.mkdir()
            build(made)
            made.rename(target)
    prune(keep)
    return target


def prune(keep: int = KEEP) -> None:
    """Remove all builds but the `keep` most recently used ones."""
    cache = cache_folder()
    builds = []
    for path in cache.iterdir():
        if path.name.startswith(".") or path.name == "locks" or not path.is_dir():
            continue
        with contextlib.suppress(FileNotFoundError):
            builds.append((path.stat().st_mtime, path))
    for _, path in sorted(builds, reverse=True)[keep:]:
        with _locked(cache / "locks" / path.name, wait=False) as got:
            if got:
                shutil.rmtree(path, ignore_errors=True)
