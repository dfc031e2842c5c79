// SPDX-License-Identifier: Apache-2.0
// Each engine's cycles by what it did, and the chain of instructions that makes the total.

function hatched(color) {
  return `repeating-linear-gradient(-45deg, ${color}66 0 3px, ${color}1c 3px 7px)`;
}

function segment(cycles, background, lines) {
  const made = element("span", { style: { width: `${(100 * cycles) / CYCLES}%`, background } });
  tooltip.on(made, lines);
  return made;
}

function share(cycles) {
  return `${number(cycles)} cycles, ${percent(cycles / CYCLES)}`;
}

const RATES = {
  load: "a beat a cycle",
  conv: "a pixel a cycle and pass",
  drain: `${DATA.configuration.conv_requantizers} values a cycle`,
  depthwise: `a pixel of ${DATA.configuration.lanes} channels a cycle`,
  vector: `${DATA.configuration.vector_lanes} values a cycle`,
  store: "a beat a cycle",
};

// Cycles in which its data moved, as if it never paused.
function fullRate(engine) {
  return Math.min(engine.split.busy, engine.rate.reduce((sum, cycles) => sum + cycles, 0));
}

function engineBar(engine) {
  const { busy, waiting, fetch, after } = engine.split;
  const color = ENGINE_COLORS[engine.name];
  const bar = element("div", { class: "bar" });
  const rate = fullRate(engine);
  bar.append(
    segment(rate, color, () => [`${engine.name}: data moves`, share(rate), `at its full rate: ${RATES[engine.name]}`]),
    segment(busy - rate, `${color}80`, () => [
      `${engine.name}: busy, but slower than its full rate`,
      share(busy - rate),
      "filling and emptying of pipelines, bubbles between passes, refused banks, latency of the memory",
    ]),
  );
  for (const { name } of ENGINES) {
    if (!waiting[name]) continue;
    bar.append(
      segment(waiting[name], hatched(ENGINE_COLORS[name]), () => [
        `${engine.name} waits for ${name}`,
        share(waiting[name]),
        `it was empty, and the token that came last was of ${name}`,
      ]),
    );
  }
  if (fetch) {
    bar.append(
      segment(fetch, "#c9d1db", () => [
        `${engine.name}: fetch and dispatch`,
        share(fetch),
        "it was empty although all tokens were there",
      ]),
    );
  }
  return bar;
}

function engineSaid(engine) {
  const counters = engine.counters;
  const parts = [`busy ${percent(engine.split.busy / CYCLES)}, ${percent(fullRate(engine) / CYCLES)} at full rate`];
  if (counters?.wait_bank) parts.push(`bank refused ${number(counters.wait_bank)}`);
  if (counters?.wait_memory) parts.push(`memory ${number(counters.wait_memory)}`);
  return parts.join(" · ");
}

function legend(entries) {
  return element(
    "div",
    { class: "legend" },
    ...entries.map(([background, text]) => element("span", {}, element("i", { style: { background } }), text)),
  );
}

function sumBy(links, key) {
  const found = new Map();
  for (const link of links) found.set(key(link), (found.get(key(link)) ?? 0) + link[1] - link[0]);
  return found;
}

function showChain() {
  const links = DATA.chain;
  const byEngine = sumBy(links, ([, , engine]) => engine);
  const bar = element("div", { class: "bar" });
  ENGINES.forEach(({ name }, k) => {
    const cycles = byEngine.get(k);
    if (cycles) bar.append(segment(cycles, ENGINE_COLORS[name], () => [`${name} in the chain`, share(cycles)]));
  });
  const owned = [...byEngine.values()].reduce((a, b) => a + b, 0);
  bar.append(
    segment(CYCLES - owned, "#c9d1db", () => ["nobody", share(CYCLES - owned), "start, fetch, dispatch and end"]),
  );
  const byLayer = sumBy(links, ([, , engine, position]) => `${engine} ${ENGINES[engine].layer[position]}`);
  const ranks = [...byLayer].sort((a, b) => b[1] - a[1]).slice(0, 12);
  return element(
    "div",
    { class: "chain" },
    element("h3", {}, "The chain that makes the total"),
    bar,
    element(
      "div",
      { class: "ranks" },
      ...ranks.map(([key, cycles]) => {
        const [engine, layer] = key.split(" ").map(Number);
        return element(
          "div",
          { onclick: () => timeline.chooseLayer(layer, true) },
          element("span", {}, element("i", { class: "swatch", style: { background: ENGINE_COLORS[ENGINES[engine].name] } })),
          element("span", { class: "what" }, `${ENGINES[engine].name}, ${layerTitle(layer)} ${shortName(LAYERS.get(layer).name)}`),
          element("span", {}, `${number(cycles)}`),
          element("span", { style: { color: "var(--soft)", width: "52px", textAlign: "right" } }, percent(cycles / CYCLES)),
        );
      }),
    ),
    element(
      "p",
      { class: "note" },
      "Going back from the end: an instruction follows the one that gave it its last token if its engine was empty, " +
        "else the one before it in the same engine. Only what shortens this chain makes the inference faster, as far as " +
        "the next longest allows. " +
        "“chain” above the timeline shows it there.",
    ),
  );
}

function showCycles() {
  const rows = ENGINES.flatMap((engine) => [
    element("div", { class: "name" }, engine.name),
    engineBar(engine),
    element("div", { class: "said" }, engineSaid(engine)),
  ]);
  const entries = ENGINES.map(({ name }) => [ENGINE_COLORS[name], name]);
  place(
    "cycles",
    element("div", { class: "bars" }, ...rows),
    legend([
      ...entries,
      [`${ENGINE_COLORS.conv}80`, "paler: busy, but slower than its full rate"],
      [hatched("#555555"), "hatched: empty, waits for a token of the engine of that colour"],
      ["#c9d1db", "fetch and dispatch"],
      ["var(--faint)", "nothing left to do"],
    ]),
    showChain(),
  );
}
