// The picture large, with all that is known of it.

import * as api from "./api.js";
import { ACTS, altOf } from "./card.js";
import { $, dialogHead, el, iconButton, openDialog } from "./dom.js";
import * as state from "./state.js";
import * as texts from "./texts.js";

const HIDDEN = new Set(["taken"]); // shown with the file's own facts
const NEAR_KILOMETRES = 10;
let context = {};
let current = null;

/** context: step(hit, by) to a neighbour or nothing, marks(hit), act(name, hit), closed(hit). */
export function start(given) {
  context = given;
  $("viewer").addEventListener("keydown", keys);
  $("viewer").addEventListener("close", () => { if (current) context.closed(current.hit); current = null; });
}

/** Show an answer, or a picture that is none. */
export async function open(collection, hit) {
  current = { collection, hit };
  paint(null);
  openDialog($("viewer"));
  const record = await api.picture(collection, hit.id).catch(() => null);
  if (record && current?.hit === hit) paint(record);
}

/** Show the marks of the picture anew. */
export function refresh() {
  for (const button of $("viewer").querySelectorAll("[data-act]")) {
    const marks = current ? context.marks(current.hit) : {};
    if (button.dataset.act in marks) button.setAttribute("aria-pressed", String(marks[button.dataset.act]));
  }
}

function paint(record) {
  const { collection, hit } = current;
  const focused = $("viewer").contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const side = el("div", { class: "side", tabindex: "0", role: "region", "aria-label": "About the picture" }, ...about(hit, record), ...alike(collection, hit));
  $("viewer").replaceChildren(dialogHead(hit.name, "viewer-title"), stage(collection, hit), side);
  $("viewer").querySelector(".close").dataset.key = "close";
  if (focused) $("viewer").querySelector(`[data-key="${focused}"]`)?.focus();
  refresh();
}

function stage(collection, hit) {
  const image = el("img", { src: api.file(collection, hit.id), alt: altOf(hit) });
  image.addEventListener("error", () => image.replaceWith(el("span", { class: "broken", text: "The file cannot be shown" })), { once: true });
  const turn = (name, label, by) => context.step(hit, by)
    && iconButton(name, label, { class: `turn ${name}`, "data-key": name, on: { click: () => step(by) } });
  return el("div", { class: "stage" }, image, turn("back", "Previous answer (←)", -1), turn("on", "Next answer (→)", 1));
}

function about(hit, record) {
  const buttons = ACTS.filter(([name]) => hit.rank || name === "like" || name === "unlike").map(([name, , label]) =>
    el("button", { type: "button", class: "chip", "data-act": name, "data-key": name, text: label.replace(/ \(.\)$/, ""), on: { click: () => act(name) } }));
  const facts = record ? [
    ["Date", texts.date(record.taken)], ["Pixels", `${record.width} × ${record.height}`], ["Folder", record.folder], ["File", record.name], ["Id", record.id],
    ...Object.entries(record.metadata).filter(([name]) => !HIDDEN.has(name)).map(([name, value]) => [texts.field(name), shown(value)]),
  ] : [];
  const list = facts.filter(([, value]) => value).flatMap(([name, value]) => [el("dt", { text: name }), el("dd", { text: value })]);
  if (Number.isFinite(record?.metadata.latitude) && Number.isFinite(record.metadata.longitude)) buttons.push(nearButton(record.metadata));
  return [el("p", { class: "caption", text: hit.caption || "" }), el("div", { class: "buttons" }, ...buttons), el("dl", { class: "about-list" }, ...list)];
}

function nearButton({ latitude, longitude }) {
  const search = () => { $("viewer").close(); state.set({ near: [latitude, longitude, NEAR_KILOMETRES].join(",") }, "filters"); };
  return el("button", { type: "button", class: "chip", "data-key": "near", text: `Within ${NEAR_KILOMETRES} km`, on: { click: search } });
}

function shown(value) {
  if (Array.isArray(value)) return value.join(", ");
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "");
}

function alike(collection, hit) {
  if (!hit.duplicates?.length) return [];
  const tiles = hit.duplicates.slice(0, 24).map((id) => el("span", { class: "tile" }, el("img", { src: api.thumb(collection, id), alt: `Near-duplicate ${id}` })));
  return [el("h3", { text: "Near-duplicates" }), el("div", { class: "strip" }, ...tiles)];
}

function act(name) {
  context.act(name, current.hit);
  refresh();
}

function step(by) {
  const next = context.step(current.hit, by);
  if (next) open(current.collection, next);
}

function keys(event) {
  const acts = { s: "select", l: "like", u: "unlike", w: "why" };
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") step(event.key === "ArrowLeft" ? -1 : 1);
  else if (event.key in acts) act(acts[event.key]);
  else return;
  event.preventDefault();
}
