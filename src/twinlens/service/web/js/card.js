// The card of an answer.

import * as api from "./api.js";
import { el, iconButton } from "./dom.js";
import * as texts from "./texts.js";

export const ACTS = [
  ["select", "select", "Select (s)"],
  ["like", "like", "More like this (l)"],
  ["unlike", "unlike", "Not like this (u)"],
  ["why", "why", "Why this answer? (w)"],
];

/** Describe a picture for whoever does not see it. */
export const altOf = (hit) => hit.caption || hit.name;

/**
 * Build a card. context: collection(), share(hit) of the best score, marks(hit) as {select, like, unlike}, note(hit), hasFolders(),
 * act(name, hit), open(hit), shape(width, height), activate(id).
 */
export function buildCard(first, context) {
  let hit = first;
  const parts = buildParts(context, () => hit);
  // The card is what is dragged: Chromium drags no picture that is still being loaded.
  const element = el("li", { class: "answer", "data-id": first.id, draggable: "true" }, parts.open, parts.acts);
  element.addEventListener("dragstart", (event) => {
    event.dataTransfer.setData("text/twinlens-id", hit.id);
    event.dataTransfer.setDragImage(parts.tile, 0, 0);
  });
  element.addEventListener("focusin", () => context.activate(hit.id));
  const card = { element, focus: () => parts.open.focus({ preventScroll: true }) };
  card.tabbable = (is) => {
    for (const button of [parts.open, ...parts.buttons]) button.tabIndex = is ? 0 : -1;
  };
  card.update = (next) => {
    hit = next;
    fill(parts, hit, context);
    mark(element, parts.buttons, context.marks(hit));
  };
  card.update(first);
  return card;
}

function buildParts(context, current) {
  const parts = {
    tile: el("span", { class: "tile" }, picture(context, current())),
    rank: el("b"), score: el("span"), share: el("i"), caption: el("span", { class: "caption" }), foot: el("span", { class: "foot" }),
    alike: el("span", { class: "alike" }),
  };
  parts.tile.append(parts.alike);
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, parts.share);
  const line = el("span", { class: "score-line" }, parts.rank, bar, parts.score);
  const about = el("span", { class: "about" }, line, parts.caption, parts.foot);
  parts.open = el("button", { type: "button", class: "open", on: { click: () => context.open(current()) } }, parts.tile, about);
  parts.buttons = ACTS.map(([name, sign, label]) =>
    iconButton(sign, label, { class: `act ${name}`, "data-act": name, on: { click: () => context.act(name, current()) } }),
  );
  parts.acts = el("div", { class: "acts" }, ...parts.buttons);
  return parts;
}

function picture(context, hit) {
  const [small, large] = [240, 480].map((size) => api.thumb(context.collection(), hit.id, size));
  const image = el("img", { alt: altOf(hit), decoding: "async", srcset: `${small} 240w, ${large} 480w`, sizes: "200px", src: small });
  image.draggable = false;
  image.addEventListener("load", () => context.shape(image.naturalWidth, image.naturalHeight));
  image.addEventListener("error", () => image.replaceWith(el("span", { class: "broken", text: "The file cannot be shown" })));
  return image;
}

function fill(parts, hit, context) {
  parts.rank.textContent = hit.rank;
  parts.score.textContent = texts.score(hit.score);
  parts.share.style.transform = `scaleX(${context.share(hit)})`;
  parts.caption.textContent = altOf(hit);
  parts.caption.title = altOf(hit);
  parts.foot.textContent = footOf(hit, context);
  parts.foot.title = hit.path || hit.name;
  parts.alike.textContent = hit.duplicates.length ? `+${hit.duplicates.length} alike` : "";
  parts.alike.hidden = !hit.duplicates.length;
}

/** Return the line below the caption; context: note(hit), and hasFolders() where a folder tells pictures apart. */
export function footOf(hit, context) {
  const folder = context.hasFolders() ? texts.base(hit.folder || "") : "";
  return [context.note(hit), texts.date(hit.taken), hit.caption ? hit.name : folder].filter(Boolean).join(" · ");
}

function mark(element, buttons, marks) {
  element.classList.toggle("selected", marks.select);
  element.classList.toggle("liked", marks.like);
  element.classList.toggle("unliked", marks.unlike);
  for (const button of buttons) {
    if (button.dataset.act in marks) button.setAttribute("aria-pressed", String(marks[button.dataset.act]));
  }
}
