// SPDX-License-Identifier: Apache-2.0
// Operations a cycle against operations per DRAM byte, with what array and memory allow.

const ROOF = { width: 820, height: 440, left: 58, right: 20, top: 16, bottom: 44 };

function powers(first, last) {
  const found = [];
  for (let k = Math.floor(Math.log10(first)); 10 ** k <= last; ++k) {
    for (const m of [1, 2, 5]) if (m * 10 ** k >= first && m * 10 ** k <= last) found.push(m * 10 ** k);
  }
  return found;
}

function roofPoints() {
  const points = DATA.layers
    .filter((layer) => layer.macs && layer.busy && layer.dram_bytes && layer.utilization !== null)
    .map((layer) => ({
      layer,
      x: (2 * layer.macs) / layer.dram_bytes,
      y: (2 * layer.macs) / layer.busy,
    }));
  const s = DATA.statistics;
  const bytes = s.dram_read_bytes + s.dram_write_bytes;
  return [points, { x: (2 * s.macs) / (bytes || 1), y: (2 * s.macs) / CYCLES }];
}

function showRoofline() {
  const { array_multipliers: array, depthwise_multipliers: depthwise, axi_bytes: port } = DATA.configuration;
  const [points, whole] = roofPoints();
  if (!whole.y) return place("roofline", element("p", { class: "note" }, "No layer multiplies."));
  const every = [...points, whole];
  const peak = 2 * (array + depthwise);
  const lowX = Math.min(0.5, ...every.map(({ x }) => x)) / 1.4;
  const highX = Math.max((2 * array) / port, ...every.map(({ x }) => x)) * 2;
  const lowY = Math.min(2 * Math.min(array, depthwise) / 20, ...every.map(({ y }) => y)) / 1.4;
  const highY = peak * 1.5;
  const spanX = ROOF.width - ROOF.left - ROOF.right;
  const spanY = ROOF.height - ROOF.top - ROOF.bottom;
  const x = (value) => ROOF.left + (Math.log(value / lowX) / Math.log(highX / lowX)) * spanX;
  const y = (value) => ROOF.top + spanY - (Math.log(value / lowY) / Math.log(highY / lowY)) * spanY;
  const svg = element("svg", { viewBox: `0 0 ${ROOF.width} ${ROOF.height}`, role: "img" });
  const line = (x1, y1, x2, y2, attributes) => svg.append(element("line", { x1, y1, x2, y2, ...attributes }));
  const text = (at, down, content, attributes = {}) => svg.append(element("text", { x: at, y: down, ...attributes }, content));
  const bottom = ROOF.top + spanY;
  for (const value of powers(lowX, highX)) {
    line(x(value), ROOF.top, x(value), bottom, { stroke: "#eef1f5" });
    text(x(value), bottom + 16, String(value), { "text-anchor": "middle" });
  }
  for (const value of powers(lowY, highY)) {
    line(ROOF.left, y(value), ROOF.left + spanX, y(value), { stroke: "#eef1f5" });
    text(ROOF.left - 6, y(value) + 4, String(value), { "text-anchor": "end" });
  }
  text(ROOF.left + spanX / 2, ROOF.height - 8, "operations per DRAM byte (a MAC is two)", { "text-anchor": "middle" });
  text(14, ROOF.top + spanY / 2, "operations a cycle", { "text-anchor": "middle", transform: `rotate(-90 14 ${ROOF.top + spanY / 2})` });
  // Bounds: the port's slope up to each roof.
  const roof = (operations, color, name, dash) => {
    const knee = operations / port;
    const from = Math.max(lowX, lowY / port);
    const d = `M${x(from)} ${y(from * port)} L${x(knee)} ${y(operations)} L${x(highX)} ${y(operations)}`;
    svg.append(element("path", { d, fill: "none", stroke: color, "stroke-width": 2, "stroke-dasharray": dash }));
    text(x(highX) - 6, y(operations) - 6, `${name}: ${number(operations)}`, { "text-anchor": "end", style: `fill: ${color}` });
  };
  roof(2 * array, ENGINE_COLORS.conv, "array", "none");
  roof(2 * depthwise, ENGINE_COLORS.depthwise, "depthwise PE", "6 4");
  const at = Math.sqrt(Math.max(lowX, lowY / port) * ((2 * depthwise) / port));
  text(x(at) - 8, y(at * port) - 6, `memory: ${port} bytes a cycle`, { "text-anchor": "end" });
  const busiest = Math.max(...points.map(({ layer }) => layer.busy), 1);
  for (const point of [...points].sort((a, b) => b.layer.busy - a.layer.busy)) {
    const { layer } = point;
    const circle = element("circle", {
      cx: x(point.x), cy: y(point.y), r: 4 + 9 * Math.sqrt(layer.busy / busiest),
      fill: ENGINE_COLORS[layer.engine], "fill-opacity": 0.55, stroke: ENGINE_COLORS[layer.engine], style: "cursor: pointer",
    });
    tooltip.on(circle, () => [
      ...layerLines(layer.index),
      `${number(point.x, 1)} operations per byte, ${number(point.y, 1)} a cycle`,
    ]);
    circle.addEventListener("click", () => timeline.chooseLayer(layer.index, true));
    svg.append(circle);
  }
  const [cx, cy] = [x(whole.x), y(whole.y)];
  const star = element("path", { d: `M${cx - 8} ${cy} L${cx} ${cy - 8} L${cx + 8} ${cy} L${cx} ${cy + 8} Z`, fill: "#1c2430" });
  tooltip.on(star, () => ["the whole network", `${number(whole.x, 1)} operations per byte, ${number(whole.y, 1)} a cycle`]);
  svg.append(star);
  text(cx, cy + 22, "whole network", { class: "strong", "text-anchor": "middle" });
  place(
    "roofline",
    svg,
    element(
      "p",
      { class: "note" },
      "Each layer that multiplies is a point, as large as its engine's busy time: its MACs over its own DRAM bytes (weights, " +
        "parameters, instructions, and maps that go through DRAM) and over its busy cycles. Layers overlap: a point above the " +
        "slope had its weights read while earlier layers ran, and the network can be faster than its layers. Reads and writes " +
        "have a bus each; the slope is that of one.",
    ),
  );
}
