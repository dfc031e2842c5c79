// SPDX-License-Identifier: Apache-2.0
// The energy of DRAM traffic beside that of the arithmetic.

function showEnergy() {
  const { multiplications, reads, writes, multiplication, multiplication_32, dram_byte, dram_32 } = DATA.energy;
  const s = DATA.statistics;
  const most = Math.max(multiplications, reads, writes, 1);
  const rows = [
    ["multiplications", multiplications, ENGINE_COLORS.conv, `${number(s.macs)} of int8 × ${multiplication} pJ`],
    ["DRAM reads", reads, KIND_COLORS.constants, `${number(s.dram_read_bytes)} bytes × ${dram_byte} pJ`],
    ["DRAM writes", writes, KIND_COLORS.maps_out, `${number(s.dram_write_bytes)} bytes × ${dram_byte} pJ`],
  ];
  const energy = (picojoules) => engineering(picojoules / 1e12, "J");
  place(
    "energy",
    element(
      "div",
      { class: "energy" },
      ...rows.flatMap(([name, amount, background, how]) => [
        element("div", {}, name),
        element("div", {}, element("div", { class: "bar" }, element("span", { style: { width: `${(100 * amount) / most}%`, background } })), element("div", { class: "note", style: { margin: 0 } }, how)),
        element("div", { class: "amount" }, energy(amount)),
      ]),
      element("div", {}, element("b", {}, "total")),
      element("div"),
      element("div", { class: "amount" }, element("b", {}, energy(multiplications + reads + writes))),
    ),
    element(
      "p",
      { class: "note" },
      `No measurement: commonly quoted figures of a 45 nm process, ${multiplication_32} pJ for a multiplication of 32 bits and ` +
        `${dram_32} pJ for a read of 32 bits from DRAM, scaled by width in proportion (8 / 32 for both); a write is taken to ` +
        "cost what a read does. A multiplier really shrinks with the square of its width, so the arithmetic's part is an upper " +
        "bound. Additions, the buffers on the chip and idle multipliers are left out.",
    ),
  );
}
