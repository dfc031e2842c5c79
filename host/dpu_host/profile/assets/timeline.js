// SPDX-License-Identifier: Apache-2.0
// The canvas: all tracks on one axis of time, with zoom, pan, pointing and choosing.

const OVERVIEW = 34;
const AXIS = 24;

class Timeline {
  constructor() {
    this.view = new View();
    this.engines = ENGINES.map((_, number) => new EngineTrack(number));
    this.layers = new LayersTrack();
    this.scratchpad = new ScratchpadTrack();
    this.dram = new DramTrack();
    this.tracks = [...this.engines, this.layers, this.scratchpad, this.dram];
    let top = OVERVIEW + AXIS + 6;
    for (const track of this.tracks) {
      track.top = top;
      top += track.height + (track instanceof EngineTrack ? 0 : 10);
    }
    this.height = top;
    this.inChain = new Set(DATA.chain.map(([, , engine, position]) => `${engine}:${position}`));
    this.state = {
      layer: null,
      byEngine: false,
      chain: false,
      color: (engine, position) =>
        this.state.byEngine ? ENGINE_COLORS[ENGINES[engine].name] : layerColor(ENGINES[engine].layer[position]),
      faded: (engine, position) =>
        (this.state.layer !== null && this.state.layer !== ENGINES[engine].layer[position]) ||
        (this.state.chain && !this.inChain.has(`${engine}:${position}`)),
    };
    this.chosen = null;
    this.hovered = null;
    this.build();
  }

  build() {
    this.canvas = element("canvas", { tabindex: 0, "aria-label": "timeline" });
    this.context = this.canvas.getContext("2d");
    const toggle = (text, title, key) => {
      const made = element("button", { title, "aria-pressed": false }, text);
      made.addEventListener("click", () => {
        this.state[key] = !this.state[key];
        made.setAttribute("aria-pressed", this.state[key]);
        this.overview = null;
        this.redraw();
      });
      return made;
    };
    const middle = () => (GUTTER + this.view.width) / 2;
    place(
      "timeline",
      element(
        "div",
        { class: "tools" },
        element("button", { title: "zoom in (w)", onclick: () => this.zoom(0.5, middle()) }, "+"),
        element("button", { title: "zoom out (s)", onclick: () => this.zoom(2, middle()) }, "−"),
        element("button", { title: "show all (0)", onclick: () => this.show(0, CYCLES) }, "whole"),
        toggle("colours of engines", "else: of layers", "byEngine"),
        toggle("chain", "only what makes the total", "chain"),
        element("button", { title: "forget the chosen layer (Esc)", onclick: () => this.chooseLayer(null) }, "all layers"),
        element(
          "span",
          { class: "hint" },
          "drag: pan · Ctrl + wheel (or wheel after a click): zoom · Shift + drag: zoom to it · click: choose · keys w a s d 0",
        ),
      ),
      this.canvas,
      legend([
        ...DATA.traffic.map(({ kind, title }) => [KIND_COLORS[kind], title]),
        ["#1c2430", "line in the scratchpad: reserved by rings of rows"],
        ["#4e79a738", "pale among the layers: from its first instruction to its last, in any engine"],
      ]),
    );
    listenToPointer(this);
    listenToKeys(this);
    new ResizeObserver(() => this.resize()).observe(this.canvas.parentElement);
    this.resize();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const width = this.canvas.parentElement.clientWidth;
    if (!width) return;
    this.view.width = width;
    this.canvas.style.height = `${this.height}px`;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.overview = null;
    this.draw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  show(first, last) {
    this.view.set(first, last);
    this.redraw();
  }

  zoom(factor, x) {
    this.view.zoom(factor, x);
    this.redraw();
  }

  // Drawing

  draw() {
    const { context, view } = this;
    context.clearRect(0, 0, view.width, this.height);
    this.drawOverview();
    this.drawAxis();
    for (const track of this.tracks) track.draw(context, view, this.state);
    this.drawRuns();
    for (const [which, color] of [[this.hovered, "#5c6878"], [this.chosen, "#111111"]]) {
      if (which) this.engines[which.engine].outline(context, view, which.position, color);
    }
    if (this.chosen) this.drawTokens();
    if (this.selection) {
      const [a, b] = this.selection;
      context.fillStyle = "rgb(29 95 191 / .15)";
      context.fillRect(Math.min(a, b), OVERVIEW, Math.abs(a - b), this.height - OVERVIEW);
    }
  }

  // The whole inference: the array above, the depthwise PE below.
  drawOverview() {
    const { context, view } = this;
    const whole = new View();
    whole.width = view.width;
    label(context, "whole", OVERVIEW / 2 - 2, "#5c6878", 400);
    if (!this.overview) {
      const ratio = devicePixelRatio || 1;
      this.overview = element("canvas");
      this.overview.width = Math.round(view.width * ratio);
      this.overview.height = OVERVIEW * ratio;
      const inner = this.overview.getContext("2d");
      inner.setTransform(ratio, 0, 0, ratio, 0, 0);
      for (const [name, top] of [["conv", 3], ["depthwise", 16]]) {
        const number = ENGINES.findIndex((engine) => engine.name === name);
        const engine = ENGINES[number];
        const pen = new BoxPen(inner, whole, top, 11);
        engine.front.forEach((front, k) => pen.box(front, engine.end[k] + 1, this.state.color(number, k), false));
        pen.flush();
      }
    }
    context.drawImage(this.overview, 0, 0, view.width, OVERVIEW);
    context.fillStyle = "rgb(245 247 250 / .8)";
    const left = whole.x(view.first);
    const right = whole.x(view.last);
    context.fillRect(GUTTER, 0, left - GUTTER, OVERVIEW - 4);
    context.fillRect(right, 0, view.width - right, OVERVIEW - 4);
    context.strokeStyle = "#1d5fbf";
    context.lineWidth = 1.5;
    context.strokeRect(left + 0.75, 0.75, Math.max(right - left - 1.5, 1), OVERVIEW - 5);
  }

  drawAxis() {
    const { context, view } = this;
    context.font = '11px system-ui, "DejaVu Sans", sans-serif';
    context.textBaseline = "middle";
    label(context, "cycle", OVERVIEW + 10, "#5c6878", 400);
    for (const time of marks(view.first, view.last, (view.width - GUTTER) / 110)) {
      const x = view.x(time);
      context.fillStyle = "#e4e9ef";
      context.fillRect(Math.round(x), OVERVIEW + AXIS - 4, 1, this.height - OVERVIEW - AXIS);
      context.fillStyle = "#5c6878";
      context.textAlign = x > view.width - 40 ? "right" : x < GUTTER + 20 ? "left" : "center";
      context.font = '11px system-ui, "DejaVu Sans", sans-serif';
      context.fillText(number(time), x, OVERVIEW + 10);
    }
  }

  drawRuns() {
    const { context, view } = this;
    for (const run of DATA.runs.slice(1)) {
      if (run.start < view.first || run.start > view.last) continue;
      context.fillStyle = "#1c2430";
      context.fillRect(view.x(run.start), OVERVIEW, 1, this.height - OVERVIEW);
    }
  }

  // Lines from those that gave the chosen instruction its tokens.
  drawTokens() {
    const { context, view, chosen } = this;
    const { tokens, start } = ENGINES[chosen.engine];
    const given = tokens[chosen.position];
    context.save();
    context.beginPath();
    context.rect(GUTTER, 0, view.width - GUTTER, this.height);
    context.clip();
    context.strokeStyle = "#111111";
    context.lineWidth = 1.2;
    for (let k = 0; k < given.length; k += 2) {
      const from = this.engines[given[k]];
      const to = this.engines[chosen.engine];
      const x = view.x(ENGINES[given[k]].end[given[k + 1]] + 1);
      context.beginPath();
      context.moveTo(x, from.top + from.height / 2);
      context.lineTo(view.x(start[chosen.position]), to.top + to.height / 2);
      context.stroke();
      context.beginPath();
      context.arc(x, from.top + from.height / 2, 3, 0, 7);
      context.fillStyle = "#111111";
      context.fill();
    }
    context.restore();
  }

  // Pointing

  at(x, y) {
    if (x < GUTTER || y < OVERVIEW) return null;
    const track = this.tracks.find((each) => y >= each.top && y < each.top + each.height);
    return track ? { track, time: this.view.time(x) } : null;
  }

  point(event, x, y) {
    const found = this.at(x, y);
    const before = this.hovered;
    this.hovered = null;
    if (!found) tooltip.hide();
    else if (found.track instanceof EngineTrack) {
      const hit = found.track.at(found.time);
      if (hit && !hit.empty) this.hovered = hit;
      tooltip.show(event, ...(hit ? pointed(hit, found.time) : textLines([`${found.track.engine.name}: nothing left to do`])));
    } else if (found.track === this.layers) {
      const row = this.layers.at(y);
      if (row) tooltip.show(event, ...textLines(layerLines(row.layer)));
      else tooltip.hide();
    } else if (found.track === this.scratchpad) {
      tooltip.show(event, ...textLines(this.scratchpad.lines(found.time, y)));
    } else {
      tooltip.show(event, ...textLines(this.dram.lines(found.time, this.view)));
    }
    if (before?.engine !== this.hovered?.engine || before?.position !== this.hovered?.position) this.redraw();
  }

  click(x, y) {
    const found = this.at(x, y);
    if (found?.track instanceof EngineTrack) {
      const hit = found.track.at(found.time);
      if (hit) this.choose(hit.engine, hit.position);
    } else if (found?.track === this.layers) {
      const row = this.layers.at(y);
      if (row) this.chooseLayer(row.layer === this.state.layer ? null : row.layer);
    }
  }

  // Chooses an instruction; `move` brings it into view.
  choose(engine, position, move = false) {
    this.chosen = { engine, position };
    const { start, end } = ENGINES[engine];
    const out = end[position] < this.view.first || start[position] > this.view.last;
    if (move && (out || this.view.scale < 0.5)) {
      const span = Math.max(end[position] - start[position], 30);
      this.view.set(start[position] - 3 * span, end[position] + 3 * span);
    }
    showInstruction(engine, position);
    this.redraw();
  }

  chooseLayer(layer, move = false) {
    this.state.layer = layer;
    const row = this.layers.rows.find((each) => each.layer === layer);
    if (row && move) {
      const margin = 0.05 * (row.last - row.first);
      this.view.set(row.first - margin, row.last + margin);
      this.canvas.scrollIntoView({ block: "nearest" });
    }
    markLayer(layer);
    this.redraw();
  }
}
