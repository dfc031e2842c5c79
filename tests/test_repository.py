# SPDX-License-Identifier: Apache-2.0
"""What the repository promises about its own files."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SPDX = "SPDX-License-Identifier: Apache-2.0"
SOURCE_SUFFIXES = {".py", ".cpp", ".h", ".c", ".sv", ".v", ".vlt", ".tcl", ".sh", ".toml", ".ys"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".txt", ".lock", ".json", ".csv", ".cfg", ".core", ""}
# A path of one machine or one person, or an address of a package registry or a token in a file.
FORBIDDEN = {
    "a machine's path": re.compile(r"(?<![\w.:/-])/(?:work|root|home|Users|opt|mnt)/\w"),
    "an address to download from": re.compile(
        r"https?://[^\s)>\"']*(?:/simple\b|/packages/|\.whl)"
    ),
    "an index option": re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host"),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
}
# The rules above, written down.
EXEMPT = {"tests/test_repository.py"}


def repository_files() -> list[Path]:
    """Return the files that git knows or would add."""
    try:
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return sorted(ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file())


def test_source_files_begin_with_the_licence() -> None:
    missing = []
    for path in repository_files():
        if path.suffix in SOURCE_SUFFIXES or path.name == "Makefile":
            head = path.read_text(encoding="utf-8").splitlines()[:3]
            if not any(SPDX in line for line in head):
                missing.append(str(path.relative_to(ROOT)))
    assert not missing, f"no SPDX line in {missing}"


def test_no_rule_is_switched_off_in_the_code() -> None:
    switch = re.compile("# " + "noqa", re.IGNORECASE)
    sources = [path for path in repository_files() if path.suffix == ".py"]
    found = [path.name for path in sources if switch.search(path.read_text(encoding="utf-8"))]
    assert not found, f"exceptions stand in pyproject.toml; {found} have their own"


def test_text_files_name_no_machine_and_no_registry() -> None:
    found = []
    for path in repository_files():
        name = str(path.relative_to(ROOT))
        if path.suffix not in TEXT_SUFFIXES or name in EXEMPT:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found += [f"{name}:{number}: {w}" for w, rule in FORBIDDEN.items() if rule.search(line)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "name",
    [
        ".ci/run",
        ".gitignore",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "requirements.lock",
    ],
)
def test_file_exists(name: str) -> None:
    assert (ROOT / name).is_file()


def test_continuous_integration_runs_the_regression() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")


def test_every_package_is_typed_and_packed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    build = project["tool"]["hatch"]["build"]
    packages = build["targets"]["wheel"]["packages"]
    assert sorted({Path(p).parts[0] for p in packages}) == sorted(build["dev-mode-dirs"])
    for package in packages:
        assert (ROOT / package / "py.typed").is_file(), package


def test_dependencies_have_ranges_and_reasons() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"].values()
    lines = text.splitlines()
    for requirement in [*project["dependencies"], *(r for extra in extras for r in extra)]:
        assert re.search(r"==|>=[^,]+,<", requirement), f"{requirement}: no range"
        index = next(i for i, line in enumerate(lines) if f'"{requirement}"' in line)
        assert lines[index - 1].lstrip().startswith("#"), f"{requirement}: no reason above it"


def locked_in(*names: str) -> set[str]:
    """Return the packages of locks, each of which must have an exact version."""
    locked = set()
    lines = [n for name in names for n in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==[^\s;@]+(; [^@]+)?", line)
            assert match, line
            locked.add(re.sub(r"[-_.]+", "-", match[1]).lower())
    return locked


def test_locks_hold_exact_versions_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    set_up = ("simulation", "test", "synthesis", "firmware", "boards")
    of_setup = [*project["dependencies"], *(r for extra in set_up for r in extras[extra])]
    setup = locked_in("requirements.lock")
    bitstream = setup | locked_in("requirements-bitstream.lock")
    for requirements, locked in ((of_setup, setup), (extras["bitstream"], bitstream)):
        for requirement in requirements:
            name = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert name, requirement
            assert re.sub(r"[-_.]+", "-", name[0]).lower() in locked, requirement
