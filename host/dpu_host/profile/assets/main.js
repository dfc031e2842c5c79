// SPDX-License-Identifier: Apache-2.0
// Fills the page. The state that the document element gets tells a test how that went.

addEventListener("error", (event) => {
  document.documentElement.dataset.error = event.message;
});

showHead();
showFigures();
const timeline = new Timeline();
showCycles();
showLayers();
showRoofline();
showEnergy();
showFoot();
chooseFromAddress();
addEventListener("hashchange", chooseFromAddress);
document.documentElement.dataset.state = document.documentElement.dataset.error ? "failed" : "ready";
