// SPDX-License-Identifier: Apache-2.0
// The stretch of time that the timeline shows, and searches in sorted times.

const GUTTER = 92;

class View {
  constructor() {
    this.width = 1000;
    this.first = 0;
    this.last = CYCLES;
  }

  get span() {
    return this.last - this.first;
  }

  get scale() {
    return (this.width - GUTTER) / this.span;
  }

  x(time) {
    return GUTTER + (time - this.first) * this.scale;
  }

  time(x) {
    return this.first + (x - GUTTER) / this.scale;
  }

  // Shows a stretch as far as there is one: at least 20 cycles, at most all.
  set(first, last) {
    const least = Math.min(20, CYCLES);
    let span = Math.min(Math.max(last - first, least), CYCLES);
    let from = (first + last - span) / 2;
    from = Math.min(Math.max(from, 0), CYCLES - span);
    this.first = from;
    this.last = from + span;
  }

  zoom(factor, x) {
    const at = this.time(x);
    const share = (at - this.first) / this.span;
    const span = Math.min(Math.max(this.span * factor, Math.min(20, CYCLES)), CYCLES);
    this.set(at - share * span, at + (1 - share) * span);
  }

  pan(pixels) {
    const by = pixels / this.scale;
    this.set(this.first + by, this.last + by);
  }
}

// The first index whose value is not below the limit.
function lowerBound(values, limit) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Round times for marks, about so many.
function marks(first, last, count) {
  const rough = (last - first) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].find((k) => k * power >= rough) * power);
  const found = [];
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) found.push(at);
  return found;
}
