// SPDX-License-Identifier: Apache-2.0
// Tracks of areas over time: what is live in the scratchpad, what crosses the DRAM bus.

// The value of a step function at the left edge of each pixel.
function sampleSteps(steps, view, columns) {
  const { times, words } = steps;
  const values = new Float64Array(columns);
  let k = lowerBound(times, view.first + 1e-9) - 1;
  for (let column = 0; column < columns; ++column) {
    const time = view.first + column / view.scale;
    while (k + 1 < times.length && times[k + 1] <= time) ++k;
    values[column] = k < 0 ? 0 : words[k];
  }
  return values;
}

// The mean slope of a curve within each pixel.
function sampleSlopes(curve, view, columns) {
  const { times, total } = curve;
  const values = new Float64Array(columns);
  let k = Math.max(1, lowerBound(times, view.first));
  const at = (time) => {
    while (k < times.length - 1 && times[k] < time) ++k;
    const share = (time - times[k - 1]) / (times[k] - times[k - 1]);
    return total[k - 1] + Math.min(1, Math.max(0, share)) * (total[k] - total[k - 1]);
  };
  let before = at(view.first);
  for (let column = 0; column < columns; ++column) {
    const now = at(view.first + (column + 1) / view.scale);
    values[column] = (now - before) * view.scale;
    before = now;
  }
  return values;
}

// Fills the stretches of columns in which a layer of a stack has something.
function fillArea(context, base, values, y, color) {
  context.fillStyle = color;
  let column = 0;
  while (column < values.length) {
    if (!values[column]) {
      ++column;
      continue;
    }
    const first = column;
    context.beginPath();
    context.moveTo(GUTTER + first, y(base[first]));
    for (; column < values.length && values[column]; ++column) {
      const height = y(base[column] + values[column]);
      context.lineTo(GUTTER + column, height);
      context.lineTo(GUTTER + column + 1, height);
    }
    for (let back = column - 1; back >= first; --back) {
      context.lineTo(GUTTER + back + 1, y(base[back]));
      context.lineTo(GUTTER + back, y(base[back]));
    }
    context.fill();
  }
}

function dashed(context, y, right, text, color) {
  context.save();
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.setLineDash([4, 4]);
  context.beginPath();
  context.moveTo(GUTTER, y);
  context.lineTo(right, y);
  context.stroke();
  context.restore();
  context.font = '11px system-ui, "DejaVu Sans", sans-serif';
  context.textAlign = "right";
  context.strokeStyle = "rgb(245 247 250 / .85)";
  context.lineWidth = 4;
  context.strokeText(text, right - 6, y + 9);
  context.fillStyle = color;
  context.fillText(text, right - 6, y + 9);
}

class ScratchpadTrack {
  constructor() {
    this.height = 110;
    this.size = DATA.configuration.scratchpad_words;
    this.full = Math.min(this.size, 1.15 * Math.max(1, DATA.occupancy.peak, ...DATA.occupancy.reserved.words));
    this.maps = [...DATA.occupancy.maps].sort((a, b) => a.times[0] - b.times[0]);
  }

  title(map) {
    return map.tensor >= 0 ? shortName(DATA.tensors[map.tensor].name) : `working data of layer ${map.layer}`;
  }

  layerOf(map) {
    if (map.tensor < 0) return map.layer;
    if (this.makers === undefined) {
      this.makers = new Map();
      ENGINES.forEach((engine) =>
        engine.place.forEach(([tensor], k) => {
          if (tensor !== undefined) this.makers.set(tensor, engine.layer[k]);
        }),
      );
    }
    return this.makers.get(map.tensor) ?? 0;
  }

  draw(context, view, state) {
    const { top, height } = this;
    label(context, "scratchpad", top + 14);
    label(context, "live words", top + 30, "#5c6878", 400);
    const columns = Math.max(1, Math.ceil(view.width - GUTTER));
    const bottom = top + height - 4;
    const y = (words) => bottom - (words / this.full) * (height - 10);
    context.fillStyle = "#f5f7fa";
    context.fillRect(GUTTER, y(this.full), view.width - GUTTER, bottom - y(this.full));
    const base = new Float64Array(columns);
    for (const map of this.maps) {
      if (map.times[0] > view.last || map.times.at(-1) < view.first) continue;
      const values = sampleSteps(map, view, columns);
      const layer = this.layerOf(map);
      const faded = state.layer !== null && state.layer !== layer;
      context.globalAlpha = faded ? 0.2 : 0.9;
      fillArea(context, base, values, y, layerColor(layer));
      context.globalAlpha = 1;
      for (let k = 0; k < columns; ++k) base[k] += values[k];
    }
    this.drawReserved(context, view, columns, y);
    const share = this.full < this.size ? `, ${percent(this.full / this.size, 0)} of the scratchpad` : "";
    dashed(context, y(this.full), view.width, `${number(this.full)} words${share}`, "#7d8998");
  }

  drawReserved(context, view, columns, y) {
    const reserved = sampleSteps(DATA.occupancy.reserved, view, columns);
    context.strokeStyle = "#1c2430";
    context.globalAlpha = 0.55;
    context.lineWidth = 1;
    context.beginPath();
    reserved.forEach((words, k) => context[k ? "lineTo" : "moveTo"](GUTTER + k + 0.5, y(words)));
    context.stroke();
    context.globalAlpha = 1;
  }

  lines(time, y) {
    const valueAt = ({ times, words }) => {
      const k = lowerBound(times, time + 1e-9) - 1;
      return k < 0 ? 0 : words[k];
    };
    const live = this.maps.map((map) => [map, valueAt(map)]).filter(([, words]) => words);
    const total = live.reduce((sum, [, words]) => sum + words, 0);
    const pointed = ((this.top + this.height - 4 - y) / (this.height - 10)) * this.full;
    let reached = 0;
    let hit = null;
    for (const [map, words] of live) {
      if (pointed >= reached && pointed < reached + words) hit = [map, words];
      reached += words;
    }
    const bytes = (words) => `${number(words)} words (${number(words * DATA.configuration.lanes)} bytes)`;
    return [
      hit ? this.title(hit[0]) : `cycle ${number(Math.floor(time))}`,
      hit && bytes(hit[1]),
      `live in all: ${bytes(total)}, ${percent(total / this.size)}`,
      `reserved (line): ${bytes(valueAt(DATA.occupancy.reserved))}`,
      ...(hit ? [] : live.map(([map, words]) => `${number(words)} ${this.title(map)}`)),
    ];
  }
}

class DramTrack {
  constructor() {
    this.height = 84;
    this.port = DATA.configuration.axi_bytes;
  }

  draw(context, view) {
    const { top, height } = this;
    label(context, "DRAM", top + 14);
    label(context, "bytes/cycle", top + 30, "#5c6878", 400);
    const columns = Math.max(1, Math.ceil(view.width - GUTTER));
    const bottom = top + height - 4;
    const limit = 1.25 * this.port;
    const y = (rate) => bottom - (Math.min(rate, limit) / limit) * (height - 8);
    context.fillStyle = "#f5f7fa";
    context.fillRect(GUTTER, top + 4, view.width - GUTTER, bottom - top - 4);
    const base = new Float64Array(columns);
    for (const curve of DATA.traffic) {
      const values = sampleSlopes(curve, view, columns);
      fillArea(context, base, values, y, KIND_COLORS[curve.kind]);
      for (let k = 0; k < columns; ++k) base[k] += values[k];
    }
    dashed(context, y(this.port), view.width, `port: ${this.port} bytes a cycle each way`, "#7d8998");
  }

  lines(time, view) {
    const half = Math.max(0.5, 1 / view.scale);
    const window = { first: Math.max(0, time - half), scale: 1 / (2 * half) };
    const rates = DATA.traffic.map((curve) => [curve, sampleSlopes(curve, window, 1)[0]]);
    return [
      `cycle ${number(Math.floor(time))}`,
      ...rates.filter(([, rate]) => rate > 0.005).map(([curve, rate]) => `${number(rate, 2)} bytes a cycle: ${curve.title}`),
    ];
  }
}
