# SPDX-License-Identifier: Apache-2.0
"""Instructions on their way from lowering to synchronization."""

from __future__ import annotations

import dataclasses
import enum

import numpy as np

from dpu_compiler.featuremap import Addresses
from dpu_spec.instruction import Instruction
from dpu_spec.program import Mark


class Buffer(enum.Enum):
    """What instructions read and write; addresses are words, accumulators or bytes."""

    SCRATCHPAD = "scratchpad"
    WEIGHTS = "weights"
    CONV_PARAMETERS = "conv parameters"
    DEPTHWISE_PARAMETERS = "depthwise parameters"
    TABLE = "table"
    ACCUMULATORS = "accumulators"
    ARENA = "arena"
    OUTPUT = "output"


@dataclasses.dataclass
class Access:
    """Some places of a buffer."""

    buffer: Buffer
    addresses: Addresses


def span(buffer: Buffer, start: int, count: int) -> Access:
    """Return an access to consecutive places."""
    return Access(buffer, np.arange(start, start + count))


@dataclasses.dataclass
class Issue:
    """An instruction with all that it reads and writes, in program order."""

    instruction: Instruction
    reads: list[Access]
    writes: list[Access]
    mark: Mark
