# SPDX-License-Identifier: Apache-2.0
"""Simulated hardware for tests: one process a configuration, for many programs."""

from __future__ import annotations

import atexit
import random
from collections.abc import Mapping

import numpy as np

from dpu_host.cli.rtl import READ_LATENCY, simulator
from dpu_host.driver import Device
from dpu_sim.rtl import RtlProcess
from dpu_sim.rtl.record import Recorder
from dpu_sim.rtl.transport import RtlTransport
from dpu_spec.configuration import Configuration
from dpu_spec.program import Program

MEMORY = 64 << 20
CHANNELS = ("ar", "r", "aw", "w", "b")

_running: dict[Configuration, RtlProcess] = {}


def _process(configuration: Configuration) -> RtlProcess:
    if configuration not in _running:
        process = RtlProcess(simulator(configuration), memory=MEMORY, timeout=900.0)
        _running[configuration] = process
        atexit.register(process.close)
    return _running[configuration]


def calm(process: RtlProcess) -> None:
    """Let the memory answer as in benchmarks."""
    process.set_read_latency(READ_LATENCY)
    process.set_write_latency(1)
    process.set_stalls(0)


def disturb(process: RtlProcess, seed: int) -> None:
    """Let the memory answer late and at random, in a way of the seed."""
    source = random.Random(seed)
    latest = source.choice((1, 10, 50, 200))
    process.set_read_latency(1, latest)
    process.set_write_latency(1, source.choice((1, 10, 50, 200)))
    most = source.choice((0.0, 0.1, 0.3, 0.6))
    process.set_stalls(seed, **{channel: most * source.random() for channel in CHANNELS})


def run_on_rtl(
    program: Program, feeds: Mapping[int, np.ndarray], seed: int | None
) -> dict[int, np.ndarray]:
    """Run a program; return every tensor that was computed.

    The memory stalls at random in a way of the seed; without one it is the benchmark's.

    Tensors are put together from the words that went into the scratchpad, and read from DRAM where
    they lie there.
    """
    configuration = program.configuration
    process = _process(configuration)
    try:
        process.reset()
        if seed is None:
            calm(process)
        else:
            disturb(process, seed)
        transport = RtlTransport(process, memory=MEMORY)
        device = Device(transport)
        device.load(program)
        with Recorder(transport, program) as recorder:
            outputs = device.infer(feeds, observer=recorder)
    except BaseException:
        # What it is in the middle of must not trouble the next program.
        _running.pop(configuration).close()
        raise
    assert not recorder.problems, recorder.problems
    found = {**recorder.tensors(), **outputs}
    for index in {index for layer in program.layers for index in layer.outputs}:
        if program.tensors[index].window >= 0:
            found[index] = device.tensor(index)
    return found
