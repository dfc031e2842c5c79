// SPDX-License-Identifier: Apache-2.0
// One box beside the pointer.

const tooltip = {
  box: document.getElementById("tooltip"),

  show(event, ...children) {
    this.box.replaceChildren(...children);
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const right = event.clientX + 16 + width < innerWidth;
    const x = right ? event.clientX + 16 : Math.max(4, event.clientX - width - 16);
    const y = Math.min(event.clientY + 16, innerHeight - height - 8);
    this.box.style.left = `${x}px`;
    this.box.style.top = `${Math.max(4, y)}px`;
  },

  hide() {
    this.box.hidden = true;
  },

  // Shows lines while the pointer is over an element; the first is bold.
  on(target, lines) {
    target.addEventListener("pointermove", (event) => this.show(event, ...textLines(lines())));
    target.addEventListener("pointerleave", () => this.hide());
  },
};

function textLines([first, ...others]) {
  return [
    element("b", {}, first),
    ...others.filter(Boolean).map((line) => element("div", { class: "dim" }, line)),
  ];
}
