# SPDX-License-Identifier: Apache-2.0
"""The file of benchmarks: one table for each preset, written by ``dpu bench`` only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from dpu_host.cli.errors import UserError
from dpu_host.cli.report import percent
from dpu_host.cli.rtl import READ_LATENCY
from dpu_host.cli.sources import read_data
from dpu_host.cli.streams import STREAM
from dpu_spec.presets import PRESET_NOTES, PRESETS

#: How the file is known again.
MARK = "<!-- Written by `dpu bench`, never by hand. -->"

#: NPU cycles that Vela 5.2.0 estimates, by multipliers of the Ethos-U55.
PEERS: dict[str, dict[int, int]] = {
    "vww_96_int8": {128: 205_022, 256: 128_825},
    "kws_ref_model": {128: 88_902, 256: 57_329},
    "pretrainedResnet_quant": {128: 185_542, 256: 107_389},
    "person_detect": {128: 204_284, 256: 127_348},
    "model_mobilenetv2_160_035": {128: 1_275_414, 256: 716_528},
    "mobilenet_v2_quantized_1x3x224x224": {128: 5_789_725, 256: 3_135_531},
    "mobilenet_v1_1.0_224": {128: 6_332_421, 256: 3_265_876},
}
#: Presets that have a peer with as many multipliers in its array.
PEER_OF = {"b128": 128, "b256": 256}

_HEAD = f"""<!-- SPDX-License-Identifier: Apache-2.0 -->
{MARK}
# Benchmarks

`dpu bench --preset NAME` measures and writes this file; `make bench` does so for each preset below.

One inference in RTL simulation of the generated Verilog. Cycles count from the start bit to the
done interrupt, with the weights read from DRAM in that inference; the memory answers a read's
first beat after {READ_LATENCY} cycles and then gives one beat a cycle, as wide as the preset's AXI
port. What the host computes (a leading QUANTIZE, a trailing SOFTMAX or DEQUANTIZE) is not counted.
Inputs are examples of the networks' kind where there are any, random bytes otherwise.

- *predicted*: cycles that the cycle model expects (`dpu estimate`); the *difference* is its from
  the RTL's.
- *array*, *all*: utilization, MACs of the unmodified model / (cycles x multipliers), with the
  multipliers of the array only, and with those of the depthwise PE too.
- *depthwise*: utilization of the depthwise PE while it works, MACs of its layers / (cycles in which
  it has an instruction x its multipliers).
- *DRAM bytes*: read and written, instructions and parameters included.
- *floor*: cycles that the array needs at the least, MACs of its layers / its multipliers.
- *dead channels*: those that are constant or that nobody uses. All other columns are with them;
  *without them* has the cycles (RTL) of the program that leaves them out, with the same answers,
  where the cycle model expects it to be faster (docs/dead_channels.md).
- *stream*: cycles an inference where one start of the program runs {STREAM} of them, each beginning
  while the one before ends (`dpu run --frames`).
- *U55*: NPU cycles of an Ethos-U55 with as many multipliers as the array, as its compiler Vela
  5.2.0 (`ethos-u-vela` of PyPI, default options) estimates them: not measured, and without the
  waits for memory that it expects on top. For mobilenet_v2_quantized_1x3x224x224 that is its
  estimate for the uint8 MobileNetV2 1.0 224; for mobilenet_v1_1.0_224 (ours has random weights, and
  a classifier) that for the uint8 MobileNetV1 1.0 224 without a classifier.
- *simulated*: cycles a second of the simulation on one core of the computer that ran the command,
  with every word recorded that is written to the scratchpad.
- *exact*: whether every tensor that the hardware wrote equals the golden model's, byte by byte.
"""


@dataclasses.dataclass(frozen=True)
class Benchmark:
    """One network on one preset; ``problem`` says why there is nothing else."""

    network: str
    preset: str
    cycles: int = 0
    predicted: int = 0
    utilization_array: float = 0.0
    utilization_all: float = 0.0
    utilization_depthwise: float | None = None
    dram_bytes: int = 0
    floor: int = 0
    dead_channels: int = 0
    channels: int = 0
    cycles_without: int | None = None
    cycles_of_stream: float | None = None
    speed: float = 0.0
    tensors: int = 0
    differences: int = 0
    problem: str = ""

    @property
    def exact(self) -> bool:
        """Whether it ran and every tensor was right."""
        return not self.problem and not self.differences


def _titles(preset: str) -> tuple[str, ...]:
    peer = f"U55-{PEER_OF[preset]}" if preset in PEER_OF else "U55"
    return (
        *("network", "preset", "cycles (RTL)", "predicted", "difference", "array", "all"),
        *("depthwise", "DRAM bytes", "floor", "dead channels", "without them"),
        *("stream", peer),
        *("simulated", "exact"),
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def row(result: Benchmark) -> str:
    """Return a network's line of the table."""
    peer = PEERS.get(result.network, {}).get(PEER_OF.get(result.preset, 0))
    theirs = f"{peer:,}" if peer is not None else "–"
    if result.problem:
        return _line(
            [
                *(result.network, result.preset, *["–"] * 11, theirs, "–"),
                f"did not run: {result.problem}",
            ]
        )
    exact = f"yes ({result.tensors} tensors)"
    if result.differences:
        exact = f"**no** ({result.differences} of {result.tensors} tensors differ)"
    return _line(
        [
            result.network,
            result.preset,
            f"{result.cycles:,}",
            f"{result.predicted:,}",
            # Without a sign where it rounds to nothing.
            f"{100 * (result.predicted / result.cycles - 1):+.1f} %".replace("-0.0", "0.0"),
            percent(result.utilization_array),
            percent(result.utilization_all),
            percent(result.utilization_depthwise) or "–",
            f"{result.dram_bytes:,}",
            f"{result.floor:,}",
            f"{result.dead_channels:,} of {result.channels:,}",
            f"{result.cycles_without:,}" if result.cycles_without is not None else "–",
            f"{math.ceil(result.cycles_of_stream):,}" if result.cycles_of_stream else "–",
            theirs,
            f"{result.speed:,.0f}/s",
            exact,
        ]
    )


def section(
    preset: str, results: Sequence[Benchmark], absent: Sequence[str], kept: Sequence[str] = ()
) -> str:
    """Return the text of a preset; ``kept`` are lines of networks that did not run this time."""
    titles = _titles(preset)
    rules = ["---", "---", *["---:"] * (len(titles) - 3), "---"]
    lines = [f"## {preset}", "", f"{PRESET_NOTES.get(preset, preset)}.", ""]
    lines += [_line(titles), _line(rules), *map(row, results), *kept]
    if absent:
        lines += ["", f"Left out, because the models were not there: {', '.join(absent)}."]
    return "\n".join(lines) + "\n"


def rows_of(text: str, preset: str) -> dict[str, str]:
    """Return the lines of a preset's table by network."""
    lines = _sections(text).get(preset, "").splitlines()
    cells = len(_titles(preset)) + 1
    table = [line for line in lines if line.startswith("| ") and line.count("|") == cells][2:]
    return {line.split(" | ")[0].removeprefix("| "): line for line in table}


def merged(text: str, preset: str, own: str) -> str:
    """Return the file's text with a preset's section replaced and the others as they were."""
    sections = _sections(text) | {preset: own}
    order = [*PRESETS]
    names = sorted(sections, key=lambda name: (order.index(name) if name in order else 99, name))
    return "\n".join([_HEAD, *(sections[name] for name in names)])


def _sections(text: str) -> dict[str, str]:
    """Return the text's sections by preset."""
    parts = f"\n{text}".split("\n## ")[1:]
    return {
        part.partition("\n")[0].strip(): f"## {part.rstrip()}\n" for part in parts if part.strip()
    }


def read(path: Path) -> str:
    """Return the file's text, empty where it isn't there; refuse a file of somebody else's."""
    if not path.exists():
        return ""
    text = read_data(path, "a file that `dpu bench` wrote").decode("utf-8", "replace")
    if text.strip() and MARK not in text:
        raise UserError(
            f"{path}: was not written by `dpu bench`, so it is not overwritten; give --output "
            "another name."
        )
    return text
