// The view of duplicates: groups of pictures that look the same.

import * as api from "./api.js";
import { altOf } from "./card.js";
import { $, el } from "./dom.js";
import * as texts from "./texts.js";

const MAX_GROUPS = 200;

/** Show the groups of a collection; open(hit) shows a picture large. */
export async function show(collection, open) {
  const section = $("duplicates");
  section.replaceChildren(el("p", { class: "quiet", text: "Comparing all pictures …" }));
  try {
    const { groups } = await api.duplicates(collection);
    section.replaceChildren(head(groups), ...groups.slice(0, MAX_GROUPS).map((group) => groupOf(collection, group, open)));
  } catch (error) {
    section.replaceChildren(el("p", { class: "line", role: "alert", text: texts.sentence(error.message) }));
  }
}

function head(groups) {
  const extra = groups.reduce((sum, group) => sum + group.length - 1, 0);
  const line = groups.length
    ? `${texts.counted(groups.length, "group")}; ${texts.counted(extra, "picture")} could go. Nothing is deleted here: twinlens duplicates lists them with their paths.`
    : "No two pictures look the same.";
  return el("header", {}, el("h2", { text: "Near-duplicates" }), el("p", { class: "quiet", role: "status", text: line }));
}

function groupOf(collection, group, open) {
  const items = group.map((entry) => {
    const hit = { ...entry, duplicates: [] };
    const image = el("img", { src: api.thumb(collection, entry.id), alt: altOf(entry), loading: "lazy" });
    return el("li", {}, el("button", { type: "button", on: { click: () => open(hit) } }, el("span", { class: "tile" }, image)),
      el("p", { class: "name", text: entry.name }), el("p", { class: "foot", text: `${entry.width} × ${entry.height}`, title: entry.path }));
  });
  return el("section", { class: "group card" }, el("h3", { text: texts.counted(group.length, "picture") }), el("ul", {}, ...items));
}
