# SPDX-License-Identifier: Apache-2.0
"""A trace file in Chrome's JSON format, for Perfetto or ``chrome://tracing``.

The format counts microseconds. One stands for a cycle, unless the clock is known: then times are
real.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dpu_host.disassembly import text
from dpu_host.profile.execution import Executed
from dpu_host.profile.occupancy import occupancy
from dpu_host.profile.subject import Subject
from dpu_host.profile.traffic import KINDS, traffic
from dpu_host.profile.waits import tokens, waits
from dpu_spec.instruction import Engine

Event = dict[str, Any]
#: Processes of the trace.
ENGINES, LAYERS, MEMORY = 1, 2, 3
#: Samples of the DRAM's rate over an inference.
SAMPLES = 2000


def chrome_trace(subject: Subject) -> dict[str, Any]:
    """Return the trace as what ``json.dump`` writes."""
    unit = "1 us is 1 cycle"
    if subject.clock is not None:
        unit = f"real time at {subject.clock:g} MHz"
    return {
        "traceEvents": [
            *_names(),
            *_instructions(subject),
            *_layers(subject),
            *_scratchpad(subject),
            *_dram(subject),
        ],
        "displayTimeUnit": "ns",
        "otherData": {
            "model": subject.name,
            "preset": subject.statistics["preset"],
            "cycles": subject.execution.cycles,
            "origin": subject.origin,
            "time": unit,
        },
    }


def _time(subject: Subject, cycles: int) -> float:
    return cycles if subject.clock is None else cycles / subject.clock


def _names() -> Iterator[Event]:
    for number, name in ((ENGINES, "engines"), (LAYERS, "layers"), (MEMORY, "memory")):
        yield {"ph": "M", "pid": number, "name": "process_name", "args": {"name": name}}
        yield {
            "ph": "M",
            "pid": number,
            "name": "process_sort_index",
            "args": {"sort_index": number},
        }
    for engine in Engine:
        where = {"ph": "M", "pid": ENGINES, "tid": engine + 1}
        yield {**where, "name": "thread_name", "args": {"name": engine.name.lower()}}
        yield {**where, "name": "thread_sort_index", "args": {"sort_index": int(engine)}}


def _instructions(subject: Subject) -> Iterator[Event]:
    """Yield a slice for each instruction, from its front on, so that slices never overlap."""
    execution = subject.execution
    givers, reasons = tokens(execution), waits(execution)
    for engine, every in execution.engines.items():
        for each in every:
            layer = execution.program.layers[each.mark.layer]
            arguments: dict[str, Any] = {
                "instruction": f"{engine.name} {each.index}" + _of_run(subject, each),
                "layer": f"{layer.index} {layer.operator} {layer.name}",
                "taken in cycle": each.start,
                "complete in cycle": each.end,
                "text": text(each.instruction),
            }
            mine = givers.get((engine, each.position), ())
            if mine:
                arguments["tokens of"] = ", ".join(
                    f"{giver.engine.name} {giver.index} ({giver.end})" for giver in mine
                )
            wait = reasons.get((engine, each.position))
            if wait is not None:
                cause = wait.cause
                arguments["waited"] = f"{wait.cycles} cycles for " + (
                    f"{cause.engine.name} {cause.index}" if cause else "fetch and dispatch"
                )
            yield {
                "ph": "X",
                "pid": ENGINES,
                "tid": engine + 1,
                "name": f"{layer.index} {each.instruction.format.name}",
                "cat": "instruction",
                "ts": _time(subject, each.front),
                "dur": _time(subject, each.end + 1 - each.front),
                "args": arguments,
            }


def _of_run(subject: Subject, each: Executed) -> str:
    return f" of run {each.run}" if len(subject.execution.runs) > 1 else ""


def _layers(subject: Subject) -> Iterator[Event]:
    """Yield a slice for each layer; they overlap, so each has a track of its own."""
    for layer in subject.statistics["layers"]:
        if layer["start"] is None or layer["end"] is None:
            continue
        track = {"pid": LAYERS, "tid": layer["index"] + 1}
        name = f"{layer['index']} {layer['operator']}"
        yield {"ph": "M", **track, "name": "thread_name", "args": {"name": name}}
        yield {
            "ph": "M",
            **track,
            "name": "thread_sort_index",
            "args": {"sort_index": track["tid"]},
        }
        yield {
            "ph": "X",
            **track,
            "name": layer["name"],
            "cat": "layer",
            "ts": _time(subject, layer["start"]),
            "dur": _time(subject, max(layer["end"] - layer["start"], 1)),
            "args": {k: layer[k] for k in ("engine", "cycles", "busy", "macs", "dram_bytes")},
        }


def _scratchpad(subject: Subject) -> Iterator[Event]:
    found = occupancy(subject.execution)
    for name, steps in (("live", found.live), ("reserved", found.reserved)):
        for time, words in zip(steps.times, steps.words, strict=True):
            yield {
                "ph": "C",
                "pid": MEMORY,
                "name": f"scratchpad words {name}",
                "ts": _time(subject, time),
                "args": {"words": words},
            }


def _dram(subject: Subject) -> Iterator[Event]:
    """Yield bytes a cycle, averaged over equal stretches."""
    cycles = subject.execution.cycles
    curves = traffic(subject.execution)
    stretch = max(1, -(-cycles // SAMPLES))
    totals = {kind: curve.at(range(0, cycles + stretch, stretch)) for kind, curve in curves.items()}
    for number, time in enumerate(range(0, cycles, stretch)):
        rates = {
            KINDS[kind]: round((total[number + 1] - total[number]) / stretch, 3)
            for kind, total in totals.items()
        }
        yield {
            "ph": "C",
            "pid": MEMORY,
            "name": "DRAM bytes a cycle",
            "ts": _time(subject, time),
            "args": rates,
        }
