// SPDX-License-Identifier: Apache-2.0
// The table of layers.

const COLUMNS = [
  ["index", "", "the operator's number in the model"],
  ["name", "layer", "the name of its output"],
  ["operator", "operator", ""],
  ["engine", "engine", "where its work is done"],
  ["cycles", "cycles", "how much later it ended than every earlier layer: the layers add up to the total"],
  ["start", "start", "when its engine took its first instruction"],
  ["end", "end", "when its last instruction was complete, stores included"],
  ["busy", "busy", "cycles in which its engine had an instruction of it"],
  ["inEngines", "time in engines", "cycles of each engine that it had for itself"],
  ["macs", "MACs", "multiply-accumulates"],
  ["utilization", "utilization", "MACs / (busy × multipliers of its engine)"],
  ["dram_bytes", "DRAM bytes", "its loads, stores and instructions"],
];

// Cycles of each engine by layer.
function engineTimes() {
  const found = new Map(DATA.layers.map((layer) => [layer.index, ENGINES.map(() => 0)]));
  ENGINES.forEach((engine, k) =>
    engine.layer.forEach((layer, at) => {
      found.get(layer)[k] += engine.end[at] + 1 - engine.front[at];
    }),
  );
  return found;
}

function withBar(text, share, color) {
  const width = `${Math.max(0, Math.min(100, 100 * share))}%`;
  return element("div", { class: "within" }, element("i", { style: { width, background: color } }), element("span", {}, text));
}

function timesBar(times, longest) {
  const bar = element("div", { class: "small bar" });
  times.forEach((cycles, k) => {
    if (cycles) bar.append(element("span", { style: { width: `${(100 * cycles) / longest}%`, background: ENGINE_COLORS[ENGINES[k].name] } }));
  });
  tooltip.on(bar, () => ["time in engines", ...times.map((cycles, k) => (cycles ? `${number(cycles)} ${ENGINES[k].name}` : ""))]);
  return bar;
}

function layerRow(layer, times, most) {
  const color = ENGINE_COLORS[layer.engine] ?? "#b9c2cd";
  const name = element("td", { class: "name", title: layer.name }, element("i", { class: "swatch", style: { background: layer.start === null ? "#d5dbe3" : layerColor(layer.index) } }), shortName(layer.name));
  const cells = [
    element("td", {}, String(layer.index)),
    name,
    element("td", { class: "text" }, layer.operator),
    element("td", { class: "text" }, layer.fused_into !== null ? `in ${layer.fused_into}` : layer.engine),
    element("td", {}, layer.cycles ? withBar(number(layer.cycles), layer.cycles / most.cycles, color) : number(layer.cycles)),
    ...["start", "end", "busy"].map((key) => element("td", {}, number(layer[key]))),
    element("td", {}, timesBar(times, most.inEngines)),
    element("td", {}, number(layer.macs)),
    element("td", {}, layer.utilization === null ? "" : withBar(percent(layer.utilization), layer.utilization, color)),
    element("td", {}, layer.dram_bytes ? withBar(number(layer.dram_bytes), layer.dram_bytes / most.dram_bytes, KIND_COLORS.constants) : ""),
  ];
  const row = element("tr", { "data-layer": layer.index, title: layer.note ?? "" }, ...cells);
  row.addEventListener("click", () => timeline.chooseLayer(timeline.state.layer === layer.index ? null : layer.index, true));
  return row;
}

function markLayer(layer) {
  for (const row of document.querySelectorAll("#layers tbody tr")) {
    row.classList.toggle("chosen", layer !== null && Number(row.dataset.layer) === layer);
  }
}

function showLayers() {
  const times = engineTimes();
  const sum = (index) => times.get(index).reduce((a, b) => a + b, 0);
  const most = {
    cycles: Math.max(1, ...DATA.layers.map((layer) => layer.cycles ?? 0)),
    dram_bytes: Math.max(1, ...DATA.layers.map((layer) => layer.dram_bytes ?? 0)),
    inEngines: Math.max(1, ...DATA.layers.map((layer) => sum(layer.index))),
  };
  const rows = DATA.layers.map((layer) => ({ ...layer, inEngines: sum(layer.index), row: layerRow(layer, times.get(layer.index), most) }));
  const body = element("tbody", {}, ...rows.map(({ row }) => row));
  const heads = COLUMNS.map(([key, text, title]) => {
    const head = element("th", { title, class: ["name", "operator", "engine", "inEngines"].includes(key) ? "text" : "" }, text);
    head.addEventListener("click", () => {
      const words = typeof rows.find((row) => row[key] !== null)?.[key] === "string";
      const order = key === "index" || key === "start" || key === "end" ? 1 : -1;
      const compare = (a, b) => (words ? String(a[key]).localeCompare(String(b[key])) : order * ((a[key] ?? -1) - (b[key] ?? -1)));
      body.replaceChildren(...[...rows].sort(compare).map(({ row }) => row));
      heads.forEach((each) => each.classList.toggle("sorted", each === head));
    });
    return head;
  });
  const s = DATA.statistics;
  const total = [
    ...["", "total", "", ""].map((text) => element("td", { class: "text" }, text)),
    element("td", {}, number(CYCLES)),
    ...["", "", "", ""].map(() => element("td")),
    element("td", {}, number(s.macs)),
    element("td", {}, percent(s.utilization_array)),
    element("td", {}, number(s.dram_read_bytes + s.dram_write_bytes)),
  ];
  place(
    "layers",
    element(
      "div",
      { class: "scroll" },
      element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body, element("tfoot", {}, element("tr", {}, ...total))),
    ),
    element(
      "p",
      { class: "note" },
      "Click a layer to see it alone in the timeline, a title to sort. A layer of 0 cycles is hidden by others that run at " +
        "the same time. The bus moves whole beats, so the total of DRAM bytes may be a little more than the sum.",
    ),
  );
}
