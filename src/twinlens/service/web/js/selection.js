// Selected answers, and the export of them or of all.

import * as api from "./api.js";
import { $, el } from "./dom.js";
import * as texts from "./texts.js";

const FORMATS = [ // of an export: its name in the menu, and in the selection's bar
  ["paths", "Paths (text)", "Paths"], ["csv", "Table (CSV)", "CSV"], ["json", "Records (JSON)", "JSON"], ["zip", "Pictures (ZIP)", "ZIP"],
];
const MAX_ADDRESS = 30_000; // characters that servers and browsers take for certain
const selected = new Map(); // by id: the hit
let context = {};

/** context: collection(), answer() of the search, changed(), complain(line). */
export function start(given) {
  context = given;
  $("export").addEventListener("click", toggleMenu);
  document.addEventListener("click", (event) => { if (!event.target.closest(".menu")) closeMenu(); });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || $("export-menu").hidden) return;
    closeMenu();
    $("export").focus();
  });
}

export const has = (id) => selected.has(id);

export function toggle(hit) {
  if (!selected.delete(hit.id)) selected.set(hit.id, hit);
  show();
}

export function clear() {
  if (!selected.size) return false;
  selected.clear();
  show();
  return true;
}

function show() {
  const bar = $("chosen");
  bar.hidden = !selected.size;
  const links = FORMATS.map(([format, title, label]) => link(format, label, { ids: [...selected.keys()], title }));
  const none = el("button", { type: "button", class: "plain", text: "Clear", on: { click: clear } });
  if (selected.size) bar.replaceChildren(el("b", { text: `${texts.count(selected.size)} selected` }), ...links, none);
  context.changed();
}

function link(format, label, { ids, title } = {}) {
  // Selected pictures may come from several searches; all answers are those of the last one.
  const href = api.exported(context.collection(), ids ? null : context.answer()?.search, format, ids);
  const refuse = (event) => {
    if (href.length <= MAX_ADDRESS) return;
    event.preventDefault();
    context.complain("too many are selected for one export; select fewer, or export all answers");
  };
  return el("a", { class: "plain", href, download: "", title, text: label, on: { click: refuse } });
}

function toggleMenu() {
  const menu = $("export-menu");
  if (!menu.hidden) return closeMenu();
  menu.replaceChildren(...FORMATS.map(([format, label]) => link(format, label)));
  menu.hidden = false;
  $("export").setAttribute("aria-expanded", "true");
  return menu.firstElementChild.focus();
}

function closeMenu() {
  $("export-menu").hidden = true;
  $("export").setAttribute("aria-expanded", "false");
}
