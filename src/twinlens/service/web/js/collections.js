// The collections that are served: which one, its pictures, a running index, examples, and what to do without any.

import * as api from "./api.js";
import { $, el } from "./dom.js";
import * as filters from "./filters.js";
import { icon } from "./icons.js";
import * as state from "./state.js";
import * as texts from "./texts.js";

const BUSY_MILLISECONDS = 2000; // between looks at a running index
const QUIET_MILLISECONDS = 20_000;
let served = [];
let timer = 0;

export const all = () => served;
/** Return the collection that a name means: the first one without. */
export const named = (name) => served.find((one) => one.name === name) || (name ? null : served[0]) || null;
export const current = () => named(state.get().collection);

/** Load the collections and go on looking; grown(): is called when there are other pictures than before. */
export async function start(grown) {
  $("collection").addEventListener("change", () => choose($("collection").value));
  $("compare").addEventListener("change", () => state.set({ compare: $("compare").value }, "compare"));
  await look();
  const again = async () => {
    const before = fingerprint();
    if (!document.hidden) await look().catch(() => {});
    if (fingerprint() !== before) grown();
    plan(again);
  };
  plan(again);
}

function plan(again) {
  clearTimeout(timer);
  const isBusy = served.some((one) => one.progress || !one.ready);
  timer = setTimeout(again, isBusy ? BUSY_MILLISECONDS : QUIET_MILLISECONDS);
}

const fingerprint = () => JSON.stringify([current()?.pictures, current()?.generation, current()?.ready]);

async function look() {
  served = (await api.collections()).collections;
  show(state.get());
}

/** Pictures and filters of one collection mean nothing in another one; words and uploads do. */
function choose(name) {
  const { image } = state.get();
  const uploads = image.filter((one) => one.startsWith("upload:"));
  const collection = name === served[0]?.name ? "" : name;
  state.set({ collection, image: uploads, unlike: [], filters: {}, folder: [], where: "", near: "", compare: "" }, "collection");
}

export function show(one) {
  const now = named(one.collection);
  options($("collection"), served.map((other) => [other.name, other.name]), now?.name);
  $("collection").disabled = served.length < 2;
  const others = served.filter((other) => other !== now);
  options($("compare"), [["", "off"], ...others.map((other) => [other.name, other.name])], one.compare);
  $("compare-box").hidden = !others.length;
  $("pictures").textContent = now ? texts.counted(now.pictures, "picture") : "";
  showProgress(now);
}

function options(select, list, value) {
  // A select that is open would close.
  if (document.activeElement !== select || select.options.length !== list.length) {
    select.replaceChildren(...list.map(([name, text]) => el("option", { value: name, text })));
  }
  select.value = value ?? "";
}

function showProgress(now) {
  const progress = now?.progress;
  $("progress").hidden = !progress && now?.ready !== false;
  if (!progress) {
    $("progress").querySelector(".text").textContent = "Loading the model …";
    $("progress").querySelector("progress").removeAttribute("value");
    return;
  }
  const { done, total } = progress;
  $("progress").querySelector(".text").textContent = total ? `Indexing ${texts.count(done)} of ${texts.count(total)}` : "Indexing";
  const bar = $("progress").querySelector("progress");
  if (total) Object.assign(bar, { max: total, value: done });
  else bar.removeAttribute("value");
}

/** Show what there is to do before a query: the examples, or how to index. */
export function showEmpty() {
  const now = current();
  $("empty").replaceChildren(...(now && !now.pictures ? howToIndex(now) : welcome(now)));
}

function howToIndex(now) {
  const folder = now.folder ? ` --collection ${/^[\w./-]+$/.test(now.folder) ? now.folder : `'${now.folder.replaceAll("'", "'\\''")}'`}` : "";
  const failures = (now.failures || []).map((one) => el("p", { text: `${texts.counted(one.count, "picture")}: ${one.reason}` }));
  return [el("h2", { text: "There are no pictures yet" }),
    el("p", {}, "Put a folder of pictures into this collection, in a terminal:"), el("p", {}, el("code", { text: `twinlens index ~/Pictures${folder}` })),
    el("p", { text: "This page shows how far it is, and finds pictures as they come; nothing needs to be restarted." }), ...failures];
}

function welcome(now) {
  const examples = now?.examples || [];
  const parts = lead(filters.counted(state.get()));
  if (examples.length) parts.push(el("h3", { text: "Try one of these" }), el("ul", { class: "examples" }, ...examples.map((one) => exampleOf(now, one))));
  return parts;
}

function lead(filtered) {
  if (filtered) return [el("h2", { text: `Add words or a picture: the ${filtered > 1 ? "filters then narrow" : "filter then narrows"} the answers.` })];
  return [el("h2", { text: "Find pictures by a picture, words, or both" }),
    el("p", { text: "Drop a picture, say what should be different, and slide between the two. Every answer can tell why it came." })];
}

function exampleOf(now, example) {
  const text = [example.text].flat().filter(Boolean).join(" ");
  const image = [example.image].flat().filter(Boolean);
  const without = [example.without].flat().filter(Boolean);
  const use = () => state.set({ image: image.map(String), text, without, unlike: [], balance: 0.5 }, "query");
  const face = image.length
    ? el("img", { src: api.thumb(now.name, image[0]), alt: "With this picture" })
    : el("span", { class: "no-picture" }, icon("words"));
  const words = [text && `“${text}”`, without.length && `without “${without.join("”, “")}”`].filter(Boolean).join(" ");
  return el("li", {}, el("button", { type: "button", class: "example", on: { click: use } }, face, el("span", { text: words || "Pictures like this one" })));
}
