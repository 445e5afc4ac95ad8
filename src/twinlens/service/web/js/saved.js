// Searches that are saved in this browser, by their addresses.

import { $, dialogHead, el, iconButton, openDialog } from "./dom.js";
import * as state from "./state.js";

const KEY = "twinlens.saved";
const MAX_SAVED = 200;

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) || "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

function store(list) {
  try {
    localStorage.setItem(KEY, JSON.stringify(list.slice(0, MAX_SAVED)));
  } catch {
    return false; // the browser keeps nothing for this page
  }
  return true;
}

/** Name a query by what it asks. */
export function named(one) {
  const pictures = one.image.length === 1 ? "a picture" : one.image.length ? `${one.image.length} pictures` : "";
  const words = [one.text.trim() && `“${one.text.trim()}”`, ...one.without.map((text) => `without “${text}”`)];
  return [pictures, ...words].filter(Boolean).join(" and ") || "everything";
}

/** Save the query of the page; one that is saved already moves up. */
export function save() {
  const address = state.addressOf(state.get());
  return store([{ address, name: named(state.get()) }, ...stored().filter((one) => one.address !== address)]);
}

/** Open the list of saved searches. */
export function open() {
  $("saved").replaceChildren(dialogHead("Saved searches", "saved-title"), el("div", { class: "body" }, list()));
  openDialog($("saved"));
}

function list() {
  const rows = stored().map((one) => el("li", {},
    el("a", { href: one.address, text: one.name, on: { click: (event) => go(event, one.address) } }),
    iconButton("trash", `Delete ${one.name}`, { class: "close", on: { click: () => { store(stored().filter((other) => other.address !== one.address)); open(); } } })));
  return rows.length ? el("ul", { class: "rows" }, ...rows) : el("p", { class: "quiet", text: "None yet. Save a search with the button above its answers." });
}

function go(event, address) {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  $("saved").close();
  state.set(state.read(address.slice(address.indexOf("?"))), "query");
}
