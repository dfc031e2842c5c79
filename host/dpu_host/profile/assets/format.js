// SPDX-License-Identifier: Apache-2.0
// The data, and how numbers, names and colours look.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const ENGINES = DATA.engines;
const CYCLES = DATA.cycles;

const ENGINE_COLORS = {
  load: "#3f7fd0",
  conv: "#d9552c",
  drain: "#e8a33d",
  depthwise: "#2b9c86",
  vector: "#8d5bd1",
  store: "#68788c",
  host: "#b9c2cd",
  none: "#b9c2cd",
};
const LAYER_COLORS = [
  "#4e79a7", "#f28e2b", "#59a14f", "#d4606a", "#6fb3ad", "#d9b333",
  "#a56f98", "#f08fa0", "#937058", "#86b86f", "#6678c9", "#c67bd0",
];
const KIND_COLORS = {
  constants: "#3f7fd0",
  maps_in: "#7db6e8",
  instructions: "#9aa5b4",
  maps_out: "#e0803c",
};

// Neighbours among the layers that have instructions get different colours.
const layerColor = (() => {
  const used = new Set(ENGINES.flatMap((engine) => engine.layer));
  const numbers = new Map([...used].sort((a, b) => a - b).map((layer, k) => [layer, k]));
  return (layer) => LAYER_COLORS[(numbers.get(layer) ?? 0) % LAYER_COLORS.length];
})();

const LAYERS = new Map(DATA.layers.map((layer) => [layer.index, layer]));

function number(value, digits = 0) {
  if (value === null || value === undefined) return "";
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(share, digits = 1) {
  return share === null || share === undefined ? "" : `${number(100 * share, digits)}\u00a0%`;
}

// Three significant digits with a prefix of the unit.
function engineering(value, unit) {
  const prefixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]];
  const [scale, prefix] = prefixes.find(([size]) => Math.abs(value) >= size) ?? [1e-12, "p"];
  const scaled = value / scale;
  return `${number(scaled, scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2)} ${prefix}${unit}`.replace(" ", "\u00a0");
}

// Cycles, and what they are in time where the clock is known.
function duration(cycles) {
  const text = `${number(cycles)} cycle${cycles === 1 ? "" : "s"}`;
  return DATA.clock ? `${text} (${engineering(cycles / DATA.clock / 1e6, "s")})` : text;
}

// Converters join the names of all that they fused with ";"; the first is the operator's own.
function shortName(name) {
  return name.split(";")[0];
}

function layerTitle(index) {
  const layer = LAYERS.get(index);
  return `${index} ${layer.operator}`;
}

function instructionName(engine, position) {
  const { name, index, run } = ENGINES[engine];
  const which = DATA.runs.length > 1 ? ` of run ${run[position]}` : "";
  return `${name} ${index[position]}${which}`;
}

// The same text as of `dpu disassemble`.
function disassembly(engine, position) {
  const mine = ENGINES[engine];
  const names = (mask) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((k) => (mask >> k) & 1).map((k) => ENGINES[k]?.name ?? k).join("+");
  const format = Object.keys(DATA.formats)[mine.format[position]];
  const words = [format];
  if (mine.wait[position]) words.push(`wait=${names(mine.wait[position])}`);
  if (mine.signal[position]) words.push(`signal=${names(mine.signal[position])}`);
  DATA.formats[format].forEach((field, k) => words.push(`${field}=${mine.values[position][k]}`));
  return words.join(" ");
}

// What an instruction computes, in the model's terms.
function purpose(engine, position) {
  const [tensor, row, column, channel] = ENGINES[engine].place[position];
  if (tensor === undefined) return "";
  return `${shortName(DATA.tensors[tensor].name)} from [${row}, ${column}, ${channel}]`;
}

// Makes an element: attributes, then children (elements or text).
function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "path", "circle", "rect", "text", "title"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "style" && typeof value === "object") Object.assign(made.style, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function place(id, ...children) {
  document.getElementById(id).replaceChildren(...children);
}
