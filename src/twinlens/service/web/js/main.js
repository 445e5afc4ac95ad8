// The page: wires the state to its parts, and what people do to the state.

import * as collections from "./collections.js";
import { onUnauthorized } from "./api.js";
import { borrow } from "./borrowed.js";
import { Column } from "./column.js";
import { $, showLine } from "./dom.js";
import * as duplicates from "./duplicates.js";
import * as filters from "./filters.js";
import * as keys from "./keys.js";
import * as login from "./login.js";
import * as marks from "./marks.js";
import * as query from "./query.js";
import { canSlide, hasQuery } from "./request.js";
import * as saved from "./saved.js";
import * as selection from "./selection.js";
import * as slider from "./slider.js";
import * as state from "./state.js";
import * as status from "./status.js";
import * as uploads from "./uploads.js";
import * as viewer from "./viewer.js";
import * as why from "./why.js";

const nameOf = () => collections.current()?.name ?? state.get().collection;
const marksOf = (hit) => ({ select: selection.has(hit.id), like: marks.liked(hit.id), unlike: marks.unliked(hit.id) });
const complain = (line) => showLine($("error"), line);
// Changes after which the answers are others altogether; a slide and a mark are watched where one is.
const FRESH = new Set(["text", "without", "pictures", "filters", "distinct", "collection", "compare"]);
let focused = null; // the column whose grid has or gets the focus

const shared = { marks: marksOf, note, act, open: openPicture, activated: (column) => { focused = column; }, kinds: filters.kinds, hasFolders: filters.hasFolders };
const first = new Column({ ...shared, collection: nameOf, show: status.shows({ answered, emptied, failed: () => query.show(state.get()) }, { isFirst: true }) }, "Answers");
const second = new Column({
  ...shared,
  collection: () => state.get().compare,
  show: status.shows({ answered: () => refreshCards() }, { isFirst: false }),
  marks: (hit) => marksOf(twin(hit, first) ?? { id: null }),
  references: (ids) => borrow(nameOf(), ids),
}, "Answers of the other collection");
focused = first;

/** Return the answer of a column that is the same file. */
const twin = (hit, column) => column.search.hits.find((one) => one.path === hit.path);

function act(name, shown, column = focused) {
  if (name === "why") return why.open(column.context.collection(), shown, column.search.answer.search);
  // Marks are of the first collection; ids of the other one mean other pictures.
  const hit = column === second ? twin(shown, first) : shown;
  if (!hit) return complain("this picture is not among the answers beside it, where marks are made");
  if (name === "select") selection.toggle(hit);
  else if (name === "like") complain(marks.like(hit.id));
  else marks.unlike(hit.id);
  return undefined;
}

function openPicture(hit, column = first) {
  focused = column;
  viewer.open(column.context.collection(), hit);
}

/** Beside another column: the place of the same file there. */
function note(hit, column) {
  if (!state.get().compare) return "";
  const other = twin(hit, column === first ? second : first);
  return other ? `there ${other.rank}` : "";
}

function answered() {
  query.show(state.get());
  if (collections.named(state.get().compare)?.name === state.get().compare) second.search.run();
}

function emptied() {
  collections.showEmpty();
}

function refreshCards() {
  for (const column of [first, second]) column.grid.refresh();
}

/** Show the state in all parts, and search where its change asks for it. */
function changed(one, kind) {
  complain("");
  document.title = hasQuery(one) ? `${saved.named(one)} · twinlens` : "twinlens";
  collections.show(one);
  query.show(one);
  slider.show(one);
  filters.show(one);
  $("distinct").checked = one.distinct;
  showColumns(one);
  showView(one);
  refreshCards();
  if (kind === "collection") selection.clear();
  if (kind === "collection" || kind === "history") loadFields();
  if (kind !== "view" && one.view !== "duplicates") search(kind);
}

function search(kind) {
  if (kind === "query" || kind === "history") scrollTo({ top: 0 });
  else if (FRESH.has(kind) && $("results").getBoundingClientRect().top < 0) $("results").scrollIntoView();
  return first.search.run();
}

function showColumns(one) {
  const pair = one.compare && collections.named(one.compare);
  $("columns").classList.toggle("two", Boolean(pair));
  // An element that is put in again would lose the focus.
  if (!first.element.isConnected) $("columns").append(first.element);
  if (!pair) second.element.remove();
  else if (!second.element.isConnected) $("columns").append(second.element);
  for (const [column, name] of [[first, nameOf()], [second, one.compare]]) {
    column.title.textContent = name;
    column.line.textContent = collections.named(name)?.model.recipe ?? "";
  }
}

function showView(one) {
  const isDuplicates = one.view === "duplicates";
  const isEmpty = !hasQuery(one, uploads.waiting());
  $("duplicates").hidden = !isDuplicates;
  $("show-duplicates").setAttribute("aria-pressed", String(isDuplicates));
  $("columns").hidden = isDuplicates || isEmpty;
  $("tools").hidden = isDuplicates || isEmpty;
  $("empty").hidden = isDuplicates || !isEmpty;
  if (isEmpty) collections.showEmpty();
  if (isDuplicates) duplicates.show(nameOf(), (hit) => openPicture(hit));
}

function loadFields() {
  return filters.load(state.get().collection).catch((error) => complain(error.message));
}

/** The collection has other pictures than before, or its model is loaded now. */
function grown() {
  loadFields();
  changed(state.get(), "grown");
}

function startTools() {
  $("distinct").addEventListener("change", () => state.set({ distinct: $("distinct").checked }, "distinct"));
  $("save").addEventListener("click", () => status.flash($("save"), saved.save() ? "Saved" : "Not kept"));
  $("share").addEventListener("click", () => share());
  $("show-saved").addEventListener("click", saved.open);
  $("show-duplicates").addEventListener("click", () => {
    const view = state.get().view ? "" : "duplicates";
    state.set({ view }, view ? "view" : "query");
  });
  $("home").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    state.set({ ...state.EMPTY, collection: state.get().collection }, "query");
  });
}

async function share() {
  try {
    await navigator.clipboard.writeText(location.href);
    status.flash($("share"), "Copied");
  } catch {
    complain(`the browser does not let this page copy; the address is ${location.href}`);
  }
}

function step(hit, by) {
  const { hits, places } = focused.grid;
  return places.has(hit.id) ? hits[places.get(hit.id) + by] : undefined;
}

function startParts() {
  const pictures = () => {
    state.correct({ view: "" });
    changed(state.get(), "pictures");
  };
  query.start({ onPictures: pictures, onError: complain });
  slider.start();
  selection.start({ collection: nameOf, answer: () => first.search.answer, changed: refreshCards, complain });
  viewer.start({ step, marks: marksOf, act, closed: (hit) => { if (focused.grid.places.has(hit.id)) focused.grid.focus(focused.grid.places.get(hit.id)); } });
  keys.start({
    grid: () => (state.get().view ? null : focused.grid),
    act,
    clear: selection.clear,
    slide: (by) => canSlide(state.get()) && state.set({ balance: Math.min(1, Math.max(0, Number((state.get().balance + by).toFixed(2)))) }, "balance"),
  });
  startTools();
}

async function start() {
  onUnauthorized(login.open);
  uploads.restore();
  startParts();
  try {
    await collections.start(grown);
    await loadFields();
  } catch (error) {
    complain(error.message);
  }
  state.subscribe(changed);
  changed(state.get(), "start");
}

start();
