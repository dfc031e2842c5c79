# SPDX-License-Identifier: Apache-2.0
"""Digests of the reference runtime's results, for machines on which it doesn't run.

About one case in sixteen is recorded, chosen by a checksum of the test's name. To record anew,
with the reference runtime and in one process::

    DPU_RECORD_VECTORS=1 python -m pytest tests/golden
"""

import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests.support.tflite_writer import GraphWriter

_FILE = Path(__file__).with_name("recorded.json")
_SHARE = 16


def _digest(tensors: Mapping[int, np.ndarray]) -> str:
    state = hashlib.sha256()
    for index in sorted(tensors):
        array = np.ascontiguousarray(tensors[index])
        state.update(f"{index} {array.dtype} ".encode())
        state.update(array.tobytes())
    return state.hexdigest()[:16]


def _keys(writer: GraphWriter, feeds: Mapping[int, np.ndarray]) -> tuple[str, str]:
    """The test's name, and a digest of the case: numpy may draw other numbers one day."""
    name = os.environ["PYTEST_CURRENT_TEST"].rsplit("/", 1)[-1].removesuffix(" (call)")
    case = repr((writer.values, writer.operators)) + _digest({**writer.constants, **feeds})
    return name, hashlib.sha256(case.encode()).hexdigest()[:16]


def _load() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    return loaded


def record(
    writer: GraphWriter, feeds: Mapping[int, np.ndarray], expected: Mapping[int, np.ndarray]
) -> None:
    """Keep a digest of the reference runtime's tensors, if this is a recording."""
    if "DPU_RECORD_VECTORS" not in os.environ:
        return
    name, case = _keys(writer, feeds)
    if zlib.crc32(name.encode()) % _SHARE:
        return
    results = {index: expected[index] for _, _, outs, _ in writer.operators for index in outs}
    vectors = _load()
    vectors.setdefault(name, {})[case] = _digest(results)
    _FILE.write_text(json.dumps(vectors, indent=0, sort_keys=True) + "\n")


def compare(
    writer: GraphWriter, feeds: Mapping[int, np.ndarray], golden: Mapping[int, np.ndarray]
) -> None:
    """Hold the golden tensors against the recorded digest; skip the test if there is none."""
    name, case = _keys(writer, feeds)
    digest = _load().get(name, {}).get(case)
    if digest is None:
        pytest.skip("tflite-micro is not installed and this case is not recorded")
    results = {index: golden[index] for _, _, outs, _ in writer.operators for index in outs}
    assert _digest(results) == digest, "differs from what the reference runtime made"
