// A histogram on which a range is dragged; two inputs below it do the same by keyboard.

import { el } from "./dom.js";
import { firstDay, moved } from "./conditions.js";
import * as texts from "./texts.js";

/** How the ranges of a kind are read and shown. */
const KINDS = {
  date: {
    input: "date",
    range: (bars) => ({ from: firstDay(bars[0].from), to: moved(firstDay(bars.at(-1).to), -1) }),
    contains: (bar, { from, to }) => (!from || firstDay(bar.to) > from) && (!to || firstDay(bar.from) <= to),
    read: (text) => text || null,
    label: texts.date,
  },
  number: {
    input: "number",
    range: (bars) => ({ from: rounded(bars[0].from), to: rounded(bars.at(-1).to) }),
    contains: (bar, { from, to }) => (from === null || bar.to > from) && (to === null || bar.from <= to),
    read: (text) => (text === "" ? null : Number(text)),
    label: (value) => texts.count(rounded(value)),
  },
};

const rounded = (value) => Number(value.toPrecision(6));

/** Build the histogram of a field. filter: the range in force, or nothing. change({from, to} or null): is called. */
export function histogram(field, filter, change) {
  const kind = KINDS[field.kind];
  const most = Math.max(...field.histogram.map((bar) => bar.count));
  const bars = field.histogram.map((bar) => barOf(bar, most, kind));
  const strip = el("div", { class: "bars", "aria-hidden": "true" }, ...bars);
  paint(strip, field, kind, filter);
  drag(strip, field, kind, change, filter);
  return [strip, axis(field, kind), inputs(field, kind, filter, change)];
}

function barOf(bar, most, kind) {
  // A few pictures stay visible beside many.
  const height = bar.count ? Math.max(6, Math.round((100 * bar.count) / most)) : 0;
  return el("span", { title: `${kind.label(bar.from)}: ${texts.count(bar.count)}`, style: { "--height": `${height}%` } });
}

function paint(strip, field, kind, filter) {
  strip.classList.toggle("ranged", Boolean(filter));
  [...strip.children].forEach((bar, at) => bar.classList.toggle("in", Boolean(filter) && kind.contains(field.histogram[at], filter)));
}

function drag(strip, field, kind, change, filter) {
  let begun = null;
  const at = (event) => {
    const box = strip.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * strip.children.length);
    return Math.min(Math.max(place, 0), strip.children.length - 1);
  };
  const chosen = (event) => {
    const [low, high] = [begun, at(event)].sort((a, b) => a - b);
    return kind.range(field.histogram.slice(low, high + 1));
  };
  strip.addEventListener("pointerdown", (event) => {
    begun = at(event);
    strip.setPointerCapture(event.pointerId);
    paint(strip, field, kind, chosen(event));
  });
  strip.addEventListener("pointermove", (event) => { if (begun !== null) paint(strip, field, kind, chosen(event)); });
  strip.addEventListener("pointercancel", () => { begun = null; paint(strip, field, kind, filter); });
  strip.addEventListener("pointerup", (event) => {
    if (begun === null) return;
    const range = chosen(event);
    begun = null;
    // The same bar again takes the range away.
    const isSame = filter && filter.from === range.from && filter.to === range.to;
    change(isSame ? null : range);
  });
}

function axis(field, kind) {
  const last = field.histogram.at(-1);
  const end = field.kind === "date" ? last.from : last.to;
  return el("div", { class: "axis", "aria-hidden": "true" }, el("span", { text: kind.label(field.histogram[0].from) }), el("span", { text: kind.label(end) }));
}

function inputs(field, kind, filter, change) {
  const box = (name, value) => el("input", { type: kind.input, step: kind.input === "number" ? "any" : undefined,
    "aria-label": `${field.name} ${name.toLowerCase()}`, value: value ?? "" });
  const from = box("From", filter?.from);
  const to = box("To", filter?.to);
  const read = () => {
    const range = { from: kind.read(from.value), to: kind.read(to.value) };
    const isReversed = range.from !== null && range.to !== null && range.from > range.to;
    to.setCustomValidity(isReversed ? "This range ends before it begins." : "");
    if (isReversed) return void to.reportValidity(); // the other end may be written next
    change(range.from === null && range.to === null ? null : range);
  };
  for (const input of [from, to]) input.addEventListener("change", read);
  return el("div", { class: "range" }, el("label", {}, "From", from), el("label", {}, "To", to));
}
