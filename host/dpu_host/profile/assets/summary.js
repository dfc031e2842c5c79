// SPDX-License-Identifier: Apache-2.0
// The head of the page and its figures.

function showHead() {
  const { preset, configuration_hash: hash } = DATA.statistics;
  const { lanes, columns } = DATA.configuration;
  const kind = DATA.measured ? "measured" : "estimated";
  place(
    "head",
    element("h1", { title: DATA.model }, DATA.model.split("/").at(-1)),
    element("span", { class: `badge ${kind}` }, DATA.measured ? "RTL: measured" : "cycle model: estimated"),
    element(
      "p",
      { class: "origin" },
      `On ${preset} (array ${lanes} × ${columns}, configuration ${hash})` +
        `${DATA.clock ? ` at ${DATA.clock} MHz` : ""}. Times are ${DATA.origin}.`,
    ),
  );
}

function card(label, value, unit, ...more) {
  return element(
    "div",
    { class: "card" },
    element("div", { class: "label" }, label),
    element("div", { class: "value" }, value, element("small", {}, unit ? ` ${unit}` : "")),
    ...more.filter(Boolean).map((text) => element("div", { class: "more" }, text)),
  );
}

// Cycles that the multipliers of an engine need at least for its layers.
function floorOf(engine) {
  const multipliers =
    engine === "conv" ? DATA.configuration.array_multipliers : DATA.configuration.depthwise_multipliers;
  const macs = DATA.layers.filter((layer) => layer.engine === engine).reduce((sum, layer) => sum + layer.macs, 0);
  return Math.ceil(macs / multipliers);
}

// Channels that are constant or that nobody uses.
function deadCard(dead) {
  const estimates = [dead.cycles_estimated_with_them, dead.cycles_estimated_without];
  const known = estimates.every((cycles) => typeof cycles === "number");
  return card(
    `dead channels ${dead.left_out ? "left out" : "(all computed)"}`,
    number(dead.removable),
    `of ${number(dead.channels)}`,
    known && `cycle model: ${number(estimates[0])} cycles with them, ${number(estimates[1])} without`,
  );
}

function showFigures() {
  const s = DATA.statistics;
  const seconds = DATA.clock ? CYCLES / DATA.clock / 1e6 : null;
  const floor = Math.max(floorOf("conv"), floorOf("depthwise"));
  const bytes = s.dram_read_bytes + s.dram_write_bytes;
  const dram = DATA.energy.reads + DATA.energy.writes;
  const instructions = ENGINES.reduce((sum, engine) => sum + engine.start.length, 0);
  const model = DATA.measured ? `cycle model: ${number(s.cycles_estimated)}` : "";
  const dead = s.dead_channels;
  const hosted = s.host_operators.join(", ");
  document.getElementById("figures").style.setProperty("--cards", dead?.removable ? 8 : 7);
  place(
    "figures",
    card(
      "one inference",
      number(CYCLES),
      "cycles",
      seconds && `${engineering(seconds, "s")}, ${number(1 / seconds, 1)} a second`,
      model,
    ),
    card(
      "the multipliers' floor",
      number(floor),
      "cycles",
      `${percent(floor / CYCLES)} of that speed reached`,
      dead?.left_out && dead.removable && "of the model with its dead channels",
    ),
    card(
      "utilization of the array",
      percent(s.utilization_array),
      "",
      `of all multipliers ${percent(s.utilization_all)}`,
      `${number(s.macs)} MACs`,
    ),
    card(
      "DRAM traffic",
      number(bytes),
      "bytes",
      `${number(s.dram_read_bytes)} read, ${number(s.dram_write_bytes)} written`,
      `${number(bytes / CYCLES, 2)} bytes a cycle`,
    ),
    card(
      "DRAM's energy to arithmetic's",
      number(dram / (DATA.energy.multiplications || 1), 2),
      "to 1",
      "45 nm figures, see below",
    ),
    card(
      "scratchpad, at most live",
      percent(DATA.occupancy.peak / DATA.configuration.scratchpad_words, 0),
      "",
      `${number(DATA.occupancy.peak)} of ${number(DATA.configuration.scratchpad_words)} words`,
    ),
    ...(dead?.removable ? [deadCard(dead)] : []),
    card(
      "program",
      number(instructions),
      "instructions",
      DATA.runs.length > 1 && `${DATA.runs.length} runs of the DPU`,
      `on the host: ${hosted || "nothing"}`,
    ),
  );
}

function showFoot() {
  place(
    "foot",
    element(
      "p",
      {},
      "Cycles count from the start bit to the done interrupt, for one inference" +
        (DATA.resident
          ? "; constants that stay on the chip were loaded before. "
          : " whose weights are read from DRAM in it. ") +
        "MACs are those of the unmodified model, border taps counted. Names of tensors are the model's." +
        (DATA.runs.length > 1 ? " The host's time between runs of the DPU is not counted." : ""),
    ),
  );
}
