// SPDX-License-Identifier: Apache-2.0
// Tracks of instructions: the engines, and the layers below each other.

// Draws boxes in the order of time. Those below a pixel are gathered to a column whose shade says
// how much of it they cover.
class BoxPen {
  constructor(context, view, top, height) {
    Object.assign(this, { context, view, top, height, column: -1, covered: 0, color: "" });
  }

  box(first, last, color, faded) {
    const { view, context } = this;
    const left = Math.max(view.x(first), GUTTER);
    const right = Math.min(view.x(last), view.width);
    const width = right - left;
    if (width <= 0) return;
    if (width < 1.5) {
      const column = Math.floor(left);
      if (column !== this.column) this.flush();
      this.column = column;
      this.covered += width;
      this.color = faded ? "#d5dbe3" : color;
      return;
    }
    this.flush();
    context.globalAlpha = faded ? 0.16 : 1;
    context.fillStyle = color;
    context.fillRect(left, this.top, width > 5 ? width - 1 : width, this.height);
    context.globalAlpha = 1;
  }

  flush() {
    if (this.column < 0) return;
    this.context.globalAlpha = Math.min(1, 0.2 + 0.8 * this.covered);
    this.context.fillStyle = this.color;
    this.context.fillRect(this.column, this.top, 1, this.height);
    this.context.globalAlpha = 1;
    this.column = -1;
    this.covered = 0;
  }
}

function label(context, text, y, color = "#1c2430", weight = 600) {
  context.font = `${weight} 12px system-ui, "DejaVu Sans", sans-serif`;
  context.fillStyle = color;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillText(text, GUTTER - 10, y);
}

class EngineTrack {
  constructor(number) {
    this.number = number;
    this.engine = ENGINES[number];
    this.height = 34;
  }

  draw(context, view, state) {
    const { engine, number, top, height } = this;
    label(context, engine.name, top + height / 2);
    context.fillStyle = "#f5f7fa";
    context.fillRect(GUTTER, top + 2, view.width - GUTTER, height - 4);
    const pen = new BoxPen(context, view, top + 3, height - 10);
    const from = lowerBound(engine.end, Math.floor(view.first));
    const until = view.last;
    for (let k = from; k < engine.front.length && engine.front[k] <= until; ++k) {
      const faded = state.faded(number, k);
      pen.box(engine.front[k], engine.end[k] + 1, state.color(number, k), faded);
    }
    pen.flush();
    if (view.scale < 0.15) return;
    for (let k = from; k < engine.start.length && engine.start[k] <= until; ++k) {
      this.details(context, view, state, k);
    }
  }

  // What is legible from near: its number and layer, and how long it was in the pipeline before.
  details(context, view, state, k) {
    const { engine, number, top, height } = this;
    if (engine.front[k] > engine.start[k]) {
      const left = Math.max(GUTTER, view.x(engine.start[k]));
      const right = view.x(engine.front[k]);
      if (right - left > 2) {
        context.fillStyle = state.color(number, k);
        context.globalAlpha = 0.7;
        context.fillRect(left, top + height - 6 + (k % 2) * 2, right - left, 2);
        context.globalAlpha = 1;
      }
    }
    const left = Math.max(view.x(engine.front[k]), GUTTER);
    const width = Math.min(view.x(engine.end[k] + 1), view.width) - left;
    if (width < 34 || state.faded(number, k)) return;
    context.save();
    context.beginPath();
    context.rect(left, top, width - 4, height);
    context.clip();
    context.font = '11px system-ui, "DejaVu Sans", sans-serif';
    context.textAlign = "left";
    context.fillStyle = "#ffffff";
    const layer = engine.layer[k];
    const text = width > 150 ? `${engine.index[k]} · layer ${layer} ${shortName(LAYERS.get(layer).name)}` : `${engine.index[k]} · ${layer}`;
    context.fillText(text, left + 5, top + height / 2 - 2);
    context.restore();
  }

  outline(context, view, position, color) {
    const { engine, top, height } = this;
    const left = Math.max(view.x(engine.front[position]), GUTTER);
    const width = Math.max(2, Math.min(view.x(engine.end[position] + 1), view.width) - left);
    if (left > view.width || view.x(engine.end[position] + 1) < GUTTER) return;
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.strokeRect(left, top + 2, width, height - 8);
  }

  // The instruction at a time, or the next one with `empty` where the engine has none.
  at(time) {
    const { engine } = this;
    const k = lowerBound(engine.end, Math.floor(time));
    if (k === engine.end.length) return null;
    return { engine: this.number, position: k, empty: time < engine.front[k] };
  }
}

class LayersTrack {
  constructor() {
    const rows = new Map();
    ENGINES.forEach((engine) => {
      engine.layer.forEach((layer, k) => {
        if (!rows.has(layer)) rows.set(layer, { layer, first: Infinity, last: 0, boxes: [] });
        const row = rows.get(layer);
        row.first = Math.min(row.first, engine.start[k]);
        row.last = Math.max(row.last, engine.end[k] + 1);
        if (engine.name === LAYERS.get(layer).engine) row.boxes.push([engine.front[k], engine.end[k] + 1]);
      });
    });
    this.rows = [...rows.values()].sort((a, b) => a.layer - b.layer);
    this.step = Math.min(11, Math.max(3, Math.floor(300 / this.rows.length)));
    this.height = this.rows.length * this.step + 8;
  }

  draw(context, view, state) {
    label(context, "layers", this.top + 12);
    this.rows.forEach((row, k) => {
      const top = this.top + 4 + k * this.step;
      const faded = state.layer !== null && state.layer !== row.layer;
      const left = Math.max(view.x(row.first), GUTTER);
      const right = Math.min(view.x(row.last), view.width);
      const color = state.byEngine ? ENGINE_COLORS[LAYERS.get(row.layer).engine] : layerColor(row.layer);
      if (right > left) {
        context.globalAlpha = faded ? 0.07 : 0.22;
        context.fillStyle = color;
        context.fillRect(left, top, right - left, this.step - 1);
        context.globalAlpha = 1;
      }
      const pen = new BoxPen(context, view, top, this.step - 1);
      for (const [first, last] of row.boxes) {
        if (last >= view.first && first <= view.last) pen.box(first, last, color, faded);
      }
      pen.flush();
    });
  }

  at(y) {
    return this.rows[Math.floor((y - this.top - 4) / this.step)] ?? null;
  }
}
