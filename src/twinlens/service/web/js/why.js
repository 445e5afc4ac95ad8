// Why an answer came: the shares of its score, the words that moved it, facts, and the gate's map.

import * as api from "./api.js";
import { altOf } from "./card.js";
import { $, dialogHead, el, openDialog } from "./dom.js";
import * as state from "./state.js";
import * as texts from "./texts.js";
import * as uploads from "./uploads.js";

const PARTS = {
  picture: "Picture ↔ picture",
  caption: "Words ↔ caption",
  names: "Words ↔ names in it",
  words: "Words ↔ picture",
  both: "Picture and words as one",
  without: "Without",
  unlike: "Not like",
  "same words": "The same words",
};
const UNITS = { cosine: "a cosine", deviations: "standard deviations above the mean", similarity: "the model's own similarity" };
let opened = 0;

/** Open the panel for an answer of a search. */
export async function open(collection, hit, search) {
  const turn = (opened += 1);
  const body = el("div", { class: "body" }, pair(collection, hit), el("p", { class: "quiet", text: "Asking …" }));
  $("why").replaceChildren(dialogHead(`Why number ${hit.rank}?`, "why-title"), body);
  openDialog($("why"));
  let parts;
  try {
    parts = sections(collection, hit, search, await api.explain(collection, hit.id, search));
  } catch (error) {
    parts = [el("p", { class: "line mild", text: texts.sentence(unexplained(error)) })];
  }
  if (turn === opened) body.replaceChildren(pair(collection, hit), ...parts.filter(Boolean));
}

/** Say why there is no explanation; a service without that address answers as it does for any unknown one. */
function unexplained(error) {
  return error.status === 404 && error.message.includes("nothing at this address")
    ? "This service does not explain its answers; serve with a newer twinlens."
    : error.message;
}

function pair(collection, hit) {
  const source = queryPicture(collection);
  const side = (src, alt, caption) => el("figure", {}, el("div", { class: "tile" }, el("img", { src, alt })), el("figcaption", { text: caption, title: caption }));
  const answer = side(api.thumb(collection, hit.id, 480), altOf(hit), altOf(hit));
  return el("section", { class: "pair" }, source && side(source, "The picture of the query", state.get().text || "The query"), answer);
}

function queryPicture(collection) {
  const [reference] = state.get().image;
  if (!reference) return null;
  return reference.startsWith("upload:") ? uploads.urlOf(reference) : api.thumb(collection, reference, 480);
}

function sections(collection, hit, search, found) {
  return [
    shares(found),
    words(found),
    facts(found),
    found.gate && gate(collection, hit, search, found.gate),
  ];
}

function shares({ shares: parts = [], score, unit }) {
  if (!parts.length) return null;
  const most = Math.max(...parts.map((one) => Math.abs(one.score)), 1e-9);
  const rows = parts.flatMap(({ part, score: share }) => [
    el("dt", { text: PARTS[part] || part }),
    el("dd", { class: `track${share < 0 ? " minus" : ""}`, "aria-hidden": "true" }, el("i", { style: { transform: `scaleX(${Math.abs(share) / most})` } })),
    el("dd", { class: "value", text: texts.signed(share) }),
  ]);
  const total = [el("dt", { class: "total", text: "Score" }), el("dd", { "aria-hidden": "true" }), el("dd", { class: "value total", text: texts.score(score) })];
  return el("section", {}, el("h3", { text: "What the score is made of" }), el("dl", { class: "shares" }, ...rows, ...total),
    UNITS[unit] && el("p", { class: "note", text: `The score is ${UNITS[unit]}.` }));
}

function words({ words: effects = [], unmeasured = 0 }) {
  if (!effects.length) return null;
  const most = Math.max(...effects.map((one) => Math.abs(one.effect)), 1e-9);
  const items = effects.map(({ word, effect, where }) =>
    el("li", { class: effect < 0 ? "minus" : "", style: { "--strength": (Math.abs(effect) / most).toFixed(2) }, title: where === "without" ? "a word of without" : "" },
      `${word} `, el("span", { class: "n", text: texts.signed(effect) })));
  return el("section", {}, el("h3", { text: "Words that moved it" }), el("ul", { class: "moved" }, ...items),
    el("p", { class: "note", text: `By how much the score falls without the word.${unmeasured ? ` ${texts.counted(unmeasured, "further word")} not measured.` : ""}` }));
}

function facts({ facts: found = [], why = {} }) {
  const lines = [...found.map(factLine), ...Object.entries(why || {}).flatMap(([stage, reasons]) => reasonLines(stage, reasons))];
  return lines.length ? el("section", {}, el("h3", { text: "Facts that decided" }), el("ul", { class: "facts" }, ...lines)) : null;
}

/** A fact is a statement in words, whether it is true, and how many items or boxes it counts. */
function factLine({ says, true: holds, found }) {
  const number = found === null || found === undefined ? "" : ` (found: ${texts.count(found)})`;
  return el("li", {}, el("span", { class: holds ? "yes" : "no", text: holds ? "✓ " : "✗ " }), says + number);
}

/** Other reasons of a stage: plain values, and lists of words, in its own words. */
function reasonLines(stage, reasons) {
  const given = Object.entries(reasons || {}).map(([name, value]) => [name, areWords(value) ? value.join(", ") : value]);
  const plain = given.filter(([name, value]) => name !== "true" && ["string", "number"].includes(typeof value));
  return plain.map(([name, value]) => el("li", { text: `${stage}, ${name.replaceAll("_", " ")}: ${typeof value === "number" ? texts.score(value) : value}` }));
}

const areWords = (value) => Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string");

/** The service lays the map over the query's picture, as `twinlens explain` does. */
function gate(collection, hit, search, map) {
  const [least, most] = [Math.min(...map.values), Math.max(...map.values)].map((value) => value.toFixed(2));
  const image = el("img", { class: "gate", src: api.gate(collection, hit.id, search), alt: `The query's picture with the gate's map, from ${least} to ${most}` });
  return el("section", {}, el("h3", { text: "Where the gate looks" }), image,
    el("p", { class: "note", text: `σ(·) of the fusion's gate, the mean over its channels: ${least} to ${most} over this picture.` }));
}
