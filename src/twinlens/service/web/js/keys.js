// The keyboard: keys for the whole page, and the list of them.

import { $, dialogHead, el, openDialog } from "./dom.js";

const KEYS = [
  ["/", "write the words"],
  ["p", "choose a picture"],
  ["← ↑ → ↓", "move among the answers"],
  ["Enter", "open the picture large"],
  ["w", "why this answer"],
  ["l", "more like this"],
  ["u", "not like this"],
  ["s", "select"],
  ["[ ]", "slide towards the picture, the words"],
  ["Esc", "close, or clear the selection"],
  ["?", "these keys"],
];
const ACTS = { w: "why", l: "like", u: "unlike", s: "select" };

/** context: grid() that has or gets the focus, act(name, hit), slide(by), clear(). */
export function start(context) {
  $("show-keys").addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (isWriting(event.target) ? leave(event) : handle(event, context)) event.preventDefault();
  });
}

const isWriting = (target) => target.matches("input:not([type=checkbox], [type=range]), select, textarea");

/** From the words, Esc leaves the input. */
function leave(event) {
  if (event.key !== "Escape") return false;
  event.target.blur();
  return true;
}

function handle(event, context) {
  const { key, target } = event;
  const single = { "/": () => $("words").focus(), p: () => $("choose").click(), "?": open, "[": () => context.slide(-0.1), "]": () => context.slide(0.1) };
  if (key in single) single[key]();
  else if (key === "Escape") return context.clear();
  else if (target.matches("input, [role=slider]")) return false;
  else return inGrid(key, context.grid(), context);
  return true;
}

function inGrid(key, grid, context) {
  const hit = grid?.hits[grid.places.get(grid.active)];
  if (!hit) return false;
  const isInside = grid.list.contains(document.activeElement);
  if (key in ACTS) {
    if (isInside) context.act(ACTS[key], hit);
    return isInside;
  }
  // Arrows scroll the page until the focus is in the grid, or nowhere.
  if (!isInside && document.activeElement !== document.body) return false;
  if (!isInside && key.startsWith("Arrow")) {
    grid.focus(grid.places.get(grid.active));
    return true;
  }
  return isInside && grid.move(key);
}

export function open() {
  const rows = KEYS.flatMap(([keys, text]) => [el("dt", {}, ...keys.split(" ").flatMap((key) => [el("kbd", { text: key }), " "])), el("dd", { text })]);
  $("keys").replaceChildren(dialogHead("Keys", "keys-title"), el("div", { class: "body" }, el("dl", { class: "keys" }, ...rows)));
  openDialog($("keys"));
}
