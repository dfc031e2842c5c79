# SPDX-License-Identifier: Apache-2.0
"""The trace file and what the page is filled with."""

import dataclasses
import html.parser
import itertools
import json
import re
from typing import Any

import pytest

from dpu_host.disassembly import text
from dpu_host.profile import chrome_trace, page
from dpu_host.profile.page import SCRIPTS
from dpu_host.profile.payload import payload
from dpu_host.profile.waits import splits
from dpu_spec.instruction import Engine
from dpu_spec.isa import INSTRUCTION_BYTES
from tests.host.profiles import estimated

Event = dict[str, Any]


def slices(events: list[Event]) -> dict[tuple[int, int], list[Event]]:
    """Return the slices of each track, in the order of the file."""
    found: dict[tuple[int, int], list[Event]] = {}
    for event in events:
        if event["ph"] == "X":
            found.setdefault((event["pid"], event["tid"]), []).append(event)
    return found


def test_trace_is_what_viewers_read() -> None:
    trace = json.loads(json.dumps(chrome_trace(estimated())))
    assert {event["ph"] for event in trace["traceEvents"]} == {"M", "X", "C"}
    for event in trace["traceEvents"]:
        assert isinstance(event["pid"], int)
        assert isinstance(event["name"], str)
        if event["ph"] == "X":
            assert event["ts"] >= 0
            assert event["dur"] > 0
        if event["ph"] == "C":
            assert all(isinstance(value, int | float) for value in event["args"].values())
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in trace["traceEvents"]
        if event["name"] == "thread_name"
    }
    assert [names[1, engine + 1] for engine in Engine] == [e.name.lower() for e in Engine]
    for track in slices(trace["traceEvents"]):
        assert track in names


def test_slices_of_a_track_do_not_overlap() -> None:
    subject = estimated()
    found = slices(chrome_trace(subject)["traceEvents"])
    split = splits(subject.execution)
    for engine, every in subject.execution.engines.items():
        mine = found.get((1, engine + 1), [])
        assert len(mine) == len(every)
        for a, b in itertools.pairwise(mine):
            assert a["ts"] + a["dur"] <= b["ts"]
        # The model's last instruction ends with its total.
        assert 0 <= sum(event["dur"] for event in mine) - split[engine].busy <= 1
        assert [event["args"]["text"] for event in mine] == [text(x.instruction) for x in every]


def test_trace_with_a_clock_is_in_microseconds() -> None:
    plain, real = chrome_trace(estimated()), chrome_trace(estimated(clock=200.0))
    assert plain["otherData"]["time"] == "1 us is 1 cycle"
    assert real["otherData"]["time"] == "real time at 200 MHz"
    for a, b in zip(plain["traceEvents"], real["traceEvents"], strict=True):
        if "ts" in a:
            assert b["ts"] == pytest.approx(a["ts"] / 200)
        if "dur" in a:
            assert b["dur"] == pytest.approx(a["dur"] / 200)


def test_counters_of_the_trace_add_up_to_the_bytes_that_instructions_move() -> None:
    subject = estimated()
    rates = [e for e in chrome_trace(subject)["traceEvents"] if e["name"] == "DRAM bytes a cycle"]
    stretch = rates[1]["ts"] - rates[0]["ts"]
    moved = sum(sum(event["args"].values()) for event in rates) * stretch
    layers = sum(layer["dram_bytes"] for layer in subject.statistics["layers"])
    assert moved == pytest.approx(layers, rel=0.002)


def test_layers_of_the_page_add_up() -> None:
    subject = estimated()
    found = json.loads(json.dumps(payload(subject)))
    assert sum(layer["cycles"] for layer in found["layers"]) == found["cycles"]
    assert found["cycles"] == subject.statistics["cycles"]
    for engine in found["engines"]:
        split = engine["split"]
        waiting = sum(split["waiting"].values())
        assert split["busy"] + waiting + split["fetch"] + split["after"] == found["cycles"]
    program = subject.execution.program
    for index, tensor in found["tensors"].items():
        assert tensor["name"] == program.tensors[int(index)].name
    counts = [len(engine["start"]) for engine in found["engines"]]
    streams = program.steps[0].streams or {}
    assert counts == [streams[engine].count for engine in Engine]
    fetched = sum(INSTRUCTION_BYTES[e] * n for e, n in zip(Engine, counts, strict=True))
    kinds = {curve["kind"]: curve["total"][-1] for curve in found["traffic"]}
    assert kinds["instructions"] == pytest.approx(fetched)


class Reader(html.parser.HTMLParser):
    """Notes elements that would fetch something, and the text of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.scripts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [
            f"{tag} {k}={v}" for k, v in attrs if k in ("src", "href") and v != "data:,"
        ]
        self._inside = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts.append(data)


def test_page_stands_alone() -> None:
    found = page(estimated())
    reader = Reader()
    reader.feed(found)
    assert reader.fetched == []
    assert len(reader.scripts) == 2
    assert "default-src 'none'" in found
    # The only address is the name of SVG.
    assert set(re.findall(r"https?://[^\s\"'`)]+", found)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", found)
    assert not re.search(r"<!-- \w+ -->", found)
    data = json.loads(reader.scripts[0])
    assert data["model"] == estimated().name


def test_names_cannot_end_the_data() -> None:
    subject = estimated()
    name = "</script><script>alert(1)</script><!-- title -->"
    layers = [{**layer, "name": name} for layer in subject.statistics["layers"]]
    odd = dataclasses.replace(subject, statistics={**subject.statistics, "layers": layers})
    reader = Reader()
    reader.feed(page(odd))
    assert len(reader.scripts) == 2
    assert json.loads(reader.scripts[0])["layers"][0]["name"] == name


def test_every_script_is_part_of_the_page() -> None:
    import importlib.resources

    folder = importlib.resources.files("dpu_host.profile") / "assets"
    names = {entry.name for entry in folder.iterdir() if entry.name.endswith(".js")}
    assert names == set(SCRIPTS)
    for name in names:
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        assert lines[0] == "// SPDX-License-Identifier: Apache-2.0"
        assert len(lines) <= 300, name
