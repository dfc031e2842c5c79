# SPDX-License-Identifier: Apache-2.0
"""Plant each fault in a copy of the sources, and see that its test fails: ``make mutants``."""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.mutants.faults import FAULTS, Fault
from tests.mutants.plant import FAILED, PASSED, changed, check_copy, copy_sources, run_tests

CAUGHT = "caught"


def judge(fault: Fault, clean: Path, cache: Path) -> tuple[str, str, float]:
    """Plant a fault and run its test; return the verdict, the output and the seconds."""
    with tempfile.TemporaryDirectory(prefix="tandem-mutant-") as name:
        folder = Path(name) / "sources"
        shutil.copytree(clean, folder)
        source = changed(fault, folder)
        # A fault that isn't even a program would be caught by any test.
        compile(source, fault.file, "exec")
        (folder / fault.file).write_text(source, encoding="utf-8")
        status, output, seconds = run_tests(folder, cache, [fault.test], "-x")
    if status is None:
        return "no end", output, seconds
    verdicts = {FAILED: CAUGHT, PASSED: "SURVIVED"}
    return verdicts.get(status, f"pytest ended with {status}"), output, seconds


def main() -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="part of a fault's name (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="faults at a time")
    arguments = parser.parse_args()
    chosen = [
        fault
        for fault in FAULTS
        if not arguments.names or any(name in fault.name for name in arguments.names)
    ]
    if not chosen:
        parser.error(f"no fault has {' or '.join(arguments.names)} in its name")
    with tempfile.TemporaryDirectory(prefix="tandem-mutants-") as name:
        clean, cache = Path(name) / "clean", Path(name) / "cache"
        clean.mkdir()
        copy_sources(clean)
        check_copy(clean, cache)
        for fault in chosen:
            changed(fault, clean)
        tests = sorted({fault.test for fault in chosen})
        print(f"{len(tests)} tests on the sources as they are ...", flush=True)
        status, output, seconds = run_tests(clean, cache, tests, "-n", str(arguments.jobs))
        if status != PASSED:
            print(output)
            print("The tests fail without any fault; nothing was planted.")
            return 1
        print(f"passed ({seconds:.0f} s)", flush=True)
        return plant_all(chosen, clean, cache, arguments.jobs)


def plant_all(chosen: list[Fault], clean: Path, cache: Path, jobs: int) -> int:
    """Plant faults, print what became of each, and a table; return the exit status."""
    found: dict[Fault, tuple[str, float]] = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        pending = {pool.submit(judge, fault, clean, cache): fault for fault in chosen}
        for future in concurrent.futures.as_completed(pending):
            fault = pending[future]
            verdict, output, seconds = future.result()
            found[fault] = (verdict, seconds)
            print(f"[{len(found)}/{len(chosen)}] {verdict}: {fault.name} ({seconds:.0f} s)")
            if verdict != CAUGHT:
                print("\n".join(output.splitlines()[-30:]))
            sys.stdout.flush()
    rows = [("fault", "file", "test", "verdict")]
    rows += [(fault.name, fault.file, fault.test, found[fault][0]) for fault in chosen]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    print()
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    missed = [fault.name for fault in chosen if found[fault][0] != CAUGHT]
    print(f"\n{len(chosen) - len(missed)} of {len(chosen)} faults were caught.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
