// Filters from the collection's own fields: ranges, toggles, folders, and a condition of one's own.

import * as api from "./api.js";
import { canName, example } from "./conditions.js";
import { $, el } from "./dom.js";
import { histogram } from "./histogram.js";
import { icon } from "./icons.js";
import * as state from "./state.js";
import * as texts from "./texts.js";

const SHOWN_VALUES = 8;
const MAX_OPEN_FIELDS = 12;
const FEW_NUMBERS = 10;
const TAKEN_FROM = "taken_from"; // the source of a date
// Facts about files that are seldom a reason to choose pictures.
const LATE = new Set(["latitude", "longitude", "rating", "camera", "lens", "title", "moment"]);
const STAGES = [["", "as the model says"], ["none", "none"], ["lexical", "words of captions"], ["diverse", "similar ones later"], ["truth", "read the drawn scene"]];
const WIDE = matchMedia("(min-width: 60rem)");
let isBare = null; // True while the collection has nothing to choose from, and a condition is the only filter
let found = { fields: [], folders: [] };
const open = new Set(); // fields of which all values are shown
export const kinds = () => Object.fromEntries(found.fields.map((field) => [field.name, field.kind === "place" ? "text" : field.kind]));

/** Return True if pictures are in more than one folder. */
export const hasFolders = () => found.folders.length > 1;

/** Load the fields of a collection. */
export async function load(collection) {
  found = await api.fields(collection || null);
  // What somebody writes into a filter stays while a running index adds pictures.
  if (!$("filter-fields").querySelector("input:focus, select:focus")) show(state.get());
}

/** Show the fields, with what the state has chosen of them. */
export function show(one) {
  const focused = document.activeElement?.getAttribute("aria-label");
  const facets = [...usable().map((field) => section(field, one)), foldersSection(one)].filter(Boolean);
  fold(!facets.length);
  $("filter-fields").replaceChildren(...facets, writtenSection(one), rerankSection(one));
  // A change builds the filters anew; the focus stays where it was.
  if (focused && document.activeElement === document.body) refocus(focused);
  showActive(one);
}

/** Open the filters of a wide window once there are any; a condition alone stays folded. */
function fold(bare) {
  if (bare === isBare) return;
  isBare = bare;
  $("filters-title").textContent = bare ? "Condition" : "Filters";
  $("filters").open = !bare && WIDE.matches;
}

function refocus(label) {
  [...$("filter-fields").querySelectorAll("[aria-label]")].find((one) => one.getAttribute("aria-label") === label)?.focus();
}

function usable() {
  const fit = found.fields.filter((field) => canName(field.name) && field.name !== TAKEN_FROM && (field.histogram.length > 1 || isChoice(field)));
  return fit.sort((a, b) => order(a) - order(b)).slice(0, MAX_OPEN_FIELDS);
}

const order = (field) => (field.kind === "date" ? 0 : LATE.has(field.name) ? 2 : 1);

/** Values are a choice where they repeat, unlike names of files; numbers where there are few, such as of stars. */
function isChoice(field) {
  const counted = field.values.reduce((sum, one) => sum + one.count, 0);
  return field.values.length > 0 && counted > field.values.length && (field.kind !== "number" || field.values.length <= FEW_NUMBERS);
}

function section(field, one) {
  const filter = one.filters[field.name];
  const change = (next) => apply(field, next);
  const parts = isChoice(field) ? toggles(field, filter, change) : histogram(field, filter, change);
  return el("fieldset", { class: "field" }, el("legend", {}, texts.field(field.name), el("span", { class: "n", text: texts.count(field.count) })), ...parts);
}

/** Put a filter of a field in force, or take it away. */
function apply(field, next) {
  const { [field.name]: _, ...others } = state.get().filters;
  const kind = field.kind === "place" ? "text" : field.kind;
  state.set({ filters: next ? { ...others, [field.name]: { ...next, kind } } : others }, "filters");
}

function toggles(field, filter, change) {
  const chosen = filter?.values || [];
  const all = open.has(field.name) || field.values.length <= SHOWN_VALUES + 1;
  const listed = field.values.filter((one, at) => all || at < SHOWN_VALUES || chosen.includes(one.value));
  const press = (value) => {
    const next = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
    change(next.length ? { values: next } : null);
  };
  if (field.kind === "number") listed.sort((a, b) => a.value - b.value);
  const buttons = listed.map((one) => toggle(`${field.name}: ${one.value}`, String(one.value), one.count, chosen.includes(one.value), () => press(one.value)));
  const more = el("button", { type: "button", class: "plain more", text: `${field.values.length - listed.length} more`,
    on: { click: () => { open.add(field.name); show(state.get()); } } });
  return [el("div", { class: "chips" }, ...buttons), all ? null : more].filter(Boolean);
}

function toggle(label, text, count, isOn, press) {
  return el("button", { type: "button", class: "chip", "aria-pressed": String(isOn), "aria-label": `${label}, ${texts.counted(count, "picture")}`, on: { click: press } },
    el("span", { class: "text", text }), el("span", { class: "n", text: texts.count(count) }));
}

function foldersSection(one) {
  if (!hasFolders()) return null;
  const start = texts.common(found.folders.map((folder) => folder.folder));
  const press = (folder) => {
    const next = one.folder.includes(folder) ? one.folder.filter((other) => other !== folder) : [...one.folder, folder];
    state.set({ folder: next }, "filters");
  };
  const all = open.has("/") || found.folders.length <= SHOWN_VALUES + 1;
  const listed = found.folders.filter((folder, at) => all || at < SHOWN_VALUES || one.folder.includes(folder.folder));
  const label = (folder) => folder.slice(start.length) || texts.base(folder);
  const buttons = listed.map(({ folder, count }) => toggle(`folder ${label(folder)}`, label(folder), count, one.folder.includes(folder), () => press(folder)));
  const more = el("button", { type: "button", class: "plain more", text: `${found.folders.length - listed.length} more`,
    on: { click: () => { open.add("/"); show(state.get()); } } });
  return el("fieldset", { class: "field" }, el("legend", { text: "Folder" }), el("div", { class: "chips" }, ...buttons), all ? null : more);
}

function writtenSection(one) {
  const input = el("input", { value: one.where, maxlength: 9000, placeholder: example([...usable(), ...found.fields.filter((field) => field.name !== TAKEN_FROM)]), "aria-label": "condition", spellcheck: "false" });
  input.addEventListener("change", () => state.set({ where: input.value.trim() }, "filters"));
  return el("label", { class: "condition" }, isBare ? null : "Condition", input);
}

function rerankSection(one) {
  const select = el("select", { "aria-label": "Reorder the first answers" }, ...STAGES.map(([value, text]) => el("option", { value, text })));
  select.value = one.rerank;
  select.addEventListener("change", () => state.set({ rerank: select.value }, "filters"));
  return el("label", { class: "condition" }, "Reorder the first answers", select);
}

function showActive(one) {
  const chips = [
    ...Object.entries(one.filters).map(([field, filter]) => activeChip(`${texts.field(field)}: ${described(filter)}`, () => apply({ name: field }, null))),
    ...one.folder.map((folder) => activeChip(`Folder: ${texts.base(folder)}`, () => state.set({ folder: one.folder.filter((other) => other !== folder) }, "filters"))),
    ...(one.near ? [activeChip(nearPhrase(one.near), () => state.set({ near: "" }, "filters"))] : []),
    ...(one.where ? [activeChip(one.where, () => state.set({ where: "" }, "filters"))] : []),
  ];
  $("active-filters").replaceChildren(...chips);
  $("active-filters").hidden = !chips.length;
  $("filter-count").textContent = chips.length;
  $("filter-count").hidden = !chips.length;
}

function nearPhrase(near) {
  const [latitude, longitude, kilometres] = near.split(",").map(Number);
  return `Within ${kilometres} km of ${latitude.toFixed(2)}, ${longitude.toFixed(2)}`;
}

function activeChip(text, removes) {
  return el("li", {}, el("button", { type: "button", class: "chip", "aria-label": `Remove the filter ${text}`, on: { click: removes } }, el("span", { class: "text", text }), icon("close")));
}

function described(filter) {
  if (filter.values) return filter.values.join(", ");
  const label = filter.kind === "date" ? texts.date : String;
  const [from, to] = [filter.from, filter.to].map((one) => (one === null || one === undefined ? "" : label(one)));
  return from && to ? `${from} – ${to}` : from ? `from ${from}` : `to ${to}`;
}

/** Take all filters away. */
export const clear = () => state.set({ filters: {}, folder: [], where: "", near: "" }, "filters");
/** Return how many filters are in force. */
export const counted = (one) => Object.keys(one.filters).length + one.folder.length + Number(one.where !== "") + Number(one.near !== "");
