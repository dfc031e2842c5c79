// SPDX-License-Identifier: Apache-2.0
// What is said about one instruction: beside the pointer in short, below the timeline in full.

// Why its engine was empty before it.
function reason(engine, position) {
  const [cycles, cause, which] = ENGINES[engine].empty[position];
  if (cycles === undefined) return "";
  const whom = cause === undefined ? "its fetch and dispatch" : instructionName(cause, which);
  return `engine empty for ${number(cycles)} cycles before it: waited for ${whom}`;
}

function layerLines(index) {
  const layer = LAYERS.get(index);
  return [
    layerTitle(index),
    layer.name,
    layer.start === null ? "" : `cycles ${number(layer.start)} to ${number(layer.end)}, busy ${number(layer.busy)}`,
    layer.utilization === null ? "" : `utilization ${percent(layer.utilization)}`,
    layer.note,
  ];
}

// Of what the pointer is on: the instruction, or the emptiness before it.
function pointed({ engine, position, empty }, time) {
  const mine = ENGINES[engine];
  const layer = mine.layer[position];
  if (empty) {
    return textLines([
      `${mine.name}: empty in cycle ${number(Math.floor(time))}`,
      reason(engine, position),
      `then ${instructionName(engine, position)}, layer ${layerTitle(layer)}`,
    ]);
  }
  const taken = mine.start[position];
  const front = mine.front[position];
  return [
    ...textLines([
      `${instructionName(engine, position)} · layer ${layerTitle(layer)}`,
      shortName(LAYERS.get(layer).name),
      purpose(engine, position) && `writes ${purpose(engine, position)}`,
      `cycles ${number(front)} to ${number(mine.end[position])}: ${duration(mine.end[position] - front + 1)}` +
        (taken < front ? `; taken in ${number(taken)}, behind others in the pipeline` : ""),
      `at full rate ${number(mine.rate[position])} cycles`,
      reason(engine, position),
    ]),
    element("code", {}, disassembly(engine, position)),
  ];
}

function link(engine, position) {
  const made = element("a", {}, instructionName(engine, position));
  made.addEventListener("click", () => timeline.choose(engine, position, true));
  return made;
}

// Who waited for whom, the other way round.
const receivers = (() => {
  let found = null;
  return (engine, position) => {
    if (!found) {
      found = new Map();
      ENGINES.forEach((mine, k) =>
        mine.tokens.forEach((given, at) => {
          for (let n = 0; n < given.length; n += 2) {
            const key = `${given[n]}:${given[n + 1]}`;
            if (!found.has(key)) found.set(key, []);
            found.get(key).push([k, at]);
          }
        }),
      );
    }
    return found.get(`${engine}:${position}`) ?? [];
  };
})();

function listed(links) {
  return links.length ? links.flatMap((each, k) => (k ? [", ", each] : [each])) : ["none"];
}

function showInstruction(engine, position) {
  const mine = ENGINES[engine];
  const layer = LAYERS.get(mine.layer[position]);
  const given = mine.tokens[position];
  const givers = [];
  for (let k = 0; k < given.length; k += 2) {
    const end = ENGINES[given[k]].end[given[k + 1]];
    const made = element("span", {}, link(given[k], given[k + 1]), ` (complete in ${number(end)})`);
    givers.push(made);
  }
  const row = (name, ...children) => [element("dt", {}, name), element("dd", {}, ...children)];
  const step = (text, by) => {
    const to = position + by;
    const made = element("button", {}, text);
    if (to < 0 || to >= mine.start.length) made.disabled = true;
    made.addEventListener("click", () => timeline.choose(engine, to, true));
    return made;
  };
  const panel = document.getElementById("instruction");
  panel.hidden = false;
  place(
    "instruction",
    element(
      "div",
      { class: "tools" },
      element("b", {}, instructionName(engine, position)),
      step("‹ before", -1),
      step("next ›", 1),
    ),
    element(
      "dl",
      {},
      ...row("layer", `${layer.index} ${layer.operator} ${layer.name}`),
      ...(purpose(engine, position) ? row("writes", purpose(engine, position)) : []),
      ...row("taken in cycle", number(mine.start[position])),
      ...row("engine alone from", number(mine.front[position])),
      ...row("complete in cycle", `${number(mine.end[position])}, ${duration(mine.end[position] - mine.front[position] + 1)} alone`),
      ...row("at full rate", duration(mine.rate[position])),
      ...(reason(engine, position) ? row("waited", reason(engine, position)) : []),
      ...row("tokens of", ...listed(givers)),
      ...row("tokens to", ...listed(receivers(engine, position).map(([k, at]) => link(k, at)))),
    ),
    element("pre", {}, disassembly(engine, position)),
  );
}

// The address may name an instruction: #conv:12
function chooseFromAddress() {
  const [name, which] = location.hash.slice(1).split(":");
  const engine = ENGINES.findIndex((each) => each.name === name);
  const position = Number(which);
  if (engine >= 0 && position < ENGINES[engine].start.length) timeline.choose(engine, position, true);
}
