# SPDX-License-Identifier: Apache-2.0
"""``dpu report``: the page, the trace file, refusals, and the page in a browser."""

import html
import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dpu_spec.program
from dpu_host.disassembly import text
from dpu_spec.instruction import Engine
from tests.e2e import networks
from tests.e2e.conftest import Dpu
from tests.e2e.test_cli_errors import array, refused
from tests.support.browser import browser, rendered
from tests.support.networks import NetworkCase


def data(page: Path) -> dict[str, Any]:
    """Return what the page's scripts get."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_page_and_trace(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    page, trace, stats = tmp_path / "p.html", tmp_path / "t.json", tmp_path / "s.json"
    result = dpu("report", network, "-o", page, "--trace", trace, "--clock", "50")
    assert result.status == 0, result.err
    assert dpu("estimate", network, "--json", stats).status == 0
    expected = json.loads(stats.read_text())
    assert f"{expected['cycles']:,} cycles, estimated" in result.out
    assert "perfetto" in result.out
    found = data(page)
    assert found["layers"] == expected["layers"]
    assert found["cycles"] == expected["cycles"]
    assert found["clock"] == 50
    assert not found["measured"]
    assert "cycle model" in found["origin"]
    assert json.loads(trace.read_text())["otherData"]["time"] == "real time at 50 MHz"


def test_program_is_its_model(dpu: Dpu, network: Path, program: Path, tmp_path: Path) -> None:
    assert dpu("report", network, "-o", tmp_path / "a.html").status == 0
    assert dpu("report", program, "-o", tmp_path / "b.html").status == 0
    one, two = data(tmp_path / "a.html"), data(tmp_path / "b.html")
    assert one["engines"] == two["engines"]


def test_several_runs_of_the_dpu(dpu: Dpu, tmp_path: Path) -> None:
    model, page = networks.host_between(tmp_path / "m.tflite"), tmp_path / "p.html"
    result = dpu("report", model, "--preset", "tiny", "-o", page, "--trace", tmp_path / "t.json")
    assert result.status == 0, result.err
    found = data(page)
    assert len(found["runs"]) == 2
    assert found["runs"][1]["start"] == found["runs"][0]["cycles"]
    assert sum(run["cycles"] for run in found["runs"]) == found["cycles"]
    assert found["engines"][Engine.VECTOR]["run"] == [0, 1]
    browser()
    dom = check_rendered(page, tmp_path / "profile", part="#vector:1")
    assert "vector 0 of run 1" in shown(dom)


def test_user_errors(dpu: Dpu, network: Path, program: Path, tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    refused(dpu("report", tmp_path / "no.tflite", "-o", page), "no such file", "name a .tflite")
    refused(dpu("report", tmp_path, "-o", page), "is a folder")
    refused(dpu("report", network, "-o", tmp_path), "is a folder", "--output")
    refused(dpu("report", network, "-o", tmp_path / "a" / "b"), "no folder", "--output")
    refused(dpu("report", network, "-o", page, "--trace", tmp_path / "a" / "b"), "--trace")
    refused(dpu("report", network, "-o", page, "--trace", page), "both page and trace")
    refused(dpu("report", network, "-o", page, "--preset", "huge"), "no such preset")
    refused(dpu("report", program, "-o", page, "--preset", "tiny"), "another configuration")
    for clock in ("0", "-5", "nan", "inf"):
        refused(dpu("report", network, "-o", page, "--clock", clock), "--clock", "in MHz")
    refused(dpu("report", network, "-o", page, "--input", "x.npy"), "--input", "--on rtl only")
    wrong = array(tmp_path / "x.npy", np.zeros((3, 3), np.int8))
    refused(dpu("report", network, "-o", page, "--on", "rtl", "--input", wrong), "has the shape")
    assert dpu("report", network, "-o", page, "--on", "emulator").status == 2
    assert dpu("report", network).status == 2
    model = networks.host_only(tmp_path / "h.tflite")
    refused(dpu("report", model, "-o", page), "runs wholly on the host", "dpu info")
    assert not page.exists()


@pytest.mark.rtl
def test_on_rtl(dpu: Dpu, network: Path, picture: Path, tmp_path: Path) -> None:
    page, stats = tmp_path / "p.html", tmp_path / "s.json"
    tiny = ("--preset", "tiny", "--on", "rtl")
    result = dpu("report", network, *tiny, "-o", page, "--input", picture)
    assert result.status == 0, result.err
    assert dpu("run", network, *tiny, "--input", picture, "--json", stats).status == 0
    expected = json.loads(stats.read_text())
    found = data(page)
    assert found["measured"]
    assert found["cycles"] == expected["cycles"]
    assert found["layers"] == expected["layers"]
    for engine in found["engines"]:
        # What the hardware counted itself.
        assert engine["split"]["busy"] == engine["counters"]["busy"], engine["name"]
        assert engine["counters"]["busy"] > 0
    # Cycles don't depend on values.
    assert dpu("report", network, *tiny, "-o", tmp_path / "z.html").status == 0
    assert data(tmp_path / "z.html")["engines"] == found["engines"]


def shown(dom: str) -> str:
    """Return a page's text without elements."""
    return html.unescape(re.sub(r"<[^>]*>", " ", dom))


def check_rendered(page: Path, profile: Path, *options: str, part: str = "") -> str:
    """Return the elements of a page that was filled without an error."""
    dom, console = rendered(page, profile, *options, part=part)
    assert console == ""
    assert 'data-state="ready"' in dom
    assert "data-error" not in dom
    return dom


def test_page_in_a_browser(dpu: Dpu, network: Path, program: Path, tmp_path: Path) -> None:
    browser()
    page = tmp_path / "p.html"
    assert dpu("report", program, "-o", page).status == 0
    compiled = dpu_spec.program.from_file(program)
    streams = {e: compiled.instructions(compiled.steps[0], e) for e in Engine}
    for engine, index in ((Engine.CONV, 12), (Engine.LOAD, 0), (Engine.DEPTHWISE, 3)):
        part = f"#{engine.name.lower()}:{index}"
        dom = check_rendered(page, tmp_path / engine.name, part=part)
        # The instruction that the address names, as `dpu disassemble` prints it.
        assert text(streams[engine][index]) in shown(dom)
    words = shown(dom)
    assert "cycle model: estimated" in words
    assert f"{data(page)['cycles']:,}" in words
    for layer in compiled.layers:
        assert layer.name.split(";")[0] in words
    rows = re.findall(r"<tr[^>]*data-layer", dom)
    assert len(rows) == len(compiled.layers)
    assert len(re.findall("<circle", dom)) == sum(
        layer.macs > 0 and layer.engine in ("conv", "depthwise") for layer in compiled.layers
    )


def test_a_broken_page_is_noticed(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    browser()
    page = tmp_path / "p.html"
    assert dpu("report", network, "-o", page).status == 0
    page.write_text(page.read_text().replace("showLayers();", "missing();"))
    dom, console = rendered(page, tmp_path / "profile")
    assert "missing is not defined" in console
    assert 'data-state="ready"' not in dom


def test_screenshot_shows_the_timeline(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    browser()
    page, picture = tmp_path / "p.html", tmp_path / "p.png"
    assert dpu("report", network, "-o", page).status == 0
    from PIL import Image

    check_rendered(page, tmp_path / "profile", f"--screenshot={picture}")
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (1400, 2400)
    # The canvas has the colours of layers, so something was drawn on it.
    pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3)
    for color in ((0x4E, 0x79, 0xA7), (0xF2, 0x8E, 0x2B), (0x59, 0xA1, 0x4F)):
        assert (pixels == color).all(axis=1).sum() > 500


def test_page_of_a_large_network(dpu: Dpu, tmp_path: Path) -> None:
    browser()
    model = NetworkCase("mobilenet_v2_quantized_1x3x224x224.tflite").require()
    page = tmp_path / "p.html"
    assert dpu("report", model, "--preset", "b256", "-o", page).status == 0
    # Draw it from far and near, and let the page tell how long that took.
    timed = """<script>
    const began = performance.now();
    for (let k = 0; k < 20; ++k) {
      timeline.view.set((CYCLES * k) / 40, CYCLES * (1 - k / 41));
      timeline.draw();
    }
    document.documentElement.dataset.milliseconds = (performance.now() - began) / 20;
    </script></body>"""
    page.write_text(page.read_text().replace("</body>", timed))
    dom = check_rendered(page, tmp_path / "profile")
    found = re.search(r'data-milliseconds="([\d.]+)"', dom)
    assert found
    # It is 5 to 15 on one idle core; ten frames a second are the least on a busy one.
    assert float(found[1]) < 100


_ACTIONS = """<script>
const canvas = timeline.canvas;
const box = canvas.getBoundingClientRect();
const seen = [];
const note = (what) => seen.push([what, timeline.view.first, timeline.view.last]);
const at = (x, y) => ({ clientX: box.left + x, clientY: box.top + y, bubbles: true });
// Made-up pointers cannot be captured.
canvas.setPointerCapture = () => {};
const pointer = (kind, x, y) => canvas.dispatchEvent(new PointerEvent(kind, at(x, y)));
note("whole");
const wheel = { deltaY: -300, ctrlKey: true, cancelable: true, ...at(600, 100) };
canvas.dispatchEvent(new WheelEvent("wheel", wheel));
note("zoomed");
pointer("pointerdown", 600, 100);
pointer("pointermove", 500, 100);
pointer("pointerup", 500, 100);
note("panned");
canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
note("whole again");
const x = timeline.view.x(ENGINES[1].front[9] + 5);
const y = timeline.engines[1].top + 9;
pointer("pointermove", x, y);
const said = document.getElementById("tooltip").textContent;
pointer("pointerdown", x, y);
pointer("pointerup", x, y);
const chosen = document.querySelector("#instruction b").textContent;
document.querySelector("#layers tbody tr").click();
note("layer");
document.body.append(element("pre", { id: "result" }, JSON.stringify({ seen, said, chosen })));
</script></body>"""


def test_zooming_panning_and_choosing(dpu: Dpu, network: Path, tmp_path: Path) -> None:
    browser()
    page = tmp_path / "p.html"
    assert dpu("report", network, "-o", page).status == 0
    found = data(page)
    page.write_text(page.read_text().replace("</body>", _ACTIONS))
    dom = check_rendered(page, tmp_path / "profile")
    result = re.search(r'<pre id="result">(.*?)</pre>', dom, re.DOTALL)
    assert result
    actions = json.loads(html.unescape(result[1]))
    views = {what: (first, last) for what, first, last in actions["seen"]}
    whole = (0, found["cycles"])
    assert views["whole"] == views["whole again"] == whole
    zoomed, panned = views["zoomed"], views["panned"]
    assert zoomed[1] - zoomed[0] < found["cycles"]
    assert panned[0] > zoomed[0]
    assert panned[1] - panned[0] == pytest.approx(zoomed[1] - zoomed[0])
    assert actions["chosen"] == "conv 9"
    for words in ("conv 9", "layer", "at full rate", "CONV"):
        assert words in actions["said"]
    layer = found["layers"][0]
    assert views["layer"][0] <= layer["start"] < layer["end"] <= views["layer"][1]
    assert views["layer"] != whole
