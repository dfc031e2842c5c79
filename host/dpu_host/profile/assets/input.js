// SPDX-License-Identifier: Apache-2.0
// What pointer, wheel and keys do to the timeline.

function listenToPointer(timeline) {
  const { canvas, view } = timeline;
  let drag = null;
  const position = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const overviewTo = (x) => {
    const time = ((x - GUTTER) / (view.width - GUTTER)) * CYCLES;
    timeline.show(time - view.span / 2, time + view.span / 2);
  };
  canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = position(event);
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    drag = { x, moved: 0, overview: y < OVERVIEW, select: event.shiftKey, from: x };
    if (drag.overview) overviewTo(x);
  });
  canvas.addEventListener("pointermove", (event) => {
    const [x, y] = position(event);
    if (!drag) return timeline.point(event, x, y);
    tooltip.hide();
    drag.moved += Math.abs(x - drag.x);
    if (drag.overview) overviewTo(x);
    else if (drag.select) {
      timeline.selection = [drag.from, x];
      timeline.redraw();
    } else {
      view.pan(drag.x - x);
      timeline.redraw();
    }
    drag.x = x;
  });
  canvas.addEventListener("pointerup", (event) => {
    const [x, y] = position(event);
    const done = drag;
    drag = null;
    timeline.selection = null;
    if (!done || done.overview) return;
    if (done.moved < 4) timeline.click(x, y);
    else if (done.select) {
      const [first, last] = [done.from, x].sort((a, b) => a - b).map((edge) => view.time(edge));
      timeline.show(first, last);
    }
  });
  canvas.addEventListener("pointerleave", () => {
    tooltip.hide();
    timeline.hovered = null;
    timeline.redraw();
  });
  canvas.addEventListener("dblclick", (event) => timeline.zoom(0.25, position(event)[0]));
  canvas.addEventListener(
    "wheel",
    (event) => {
      const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // Until it is clicked, the wheel scrolls the page over it.
      if (!sideways && !event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      if (sideways) {
        view.pan(event.deltaX);
        timeline.redraw();
      } else {
        timeline.zoom(1.0016 ** Math.max(-300, Math.min(300, event.deltaY * (event.ctrlKey ? 3 : 1))), position(event)[0]);
      }
    },
    { passive: false },
  );
}

function listenToKeys(timeline) {
  timeline.canvas.addEventListener("keydown", (event) => actOnKey(timeline, event));
}

function actOnKey(timeline, event) {
  const { view } = timeline;
  const middle = (GUTTER + view.width) / 2;
  const actions = {
    w: () => timeline.zoom(0.6, middle),
    s: () => timeline.zoom(1 / 0.6, middle),
    a: () => view.pan(-120),
    d: () => view.pan(120),
    ArrowLeft: () => view.pan(-120),
    ArrowRight: () => view.pan(120),
    0: () => timeline.show(0, CYCLES),
    Escape: () => timeline.chooseLayer(null),
  };
  if (!actions[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  actions[event.key]();
  timeline.redraw();
}
