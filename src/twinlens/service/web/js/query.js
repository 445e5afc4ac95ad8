// The form of the query: pictures by drop, paste, or choice; words; "without"; pictures that answers are not like.

import * as api from "./api.js";
import { $, el, iconButton } from "./dom.js";
import { icon } from "./icons.js";
import { like, unlike } from "./marks.js";
import { MAX_PICTURES } from "./request.js";
import * as state from "./state.js";
import * as uploads from "./uploads.js";

const QUIET_MILLISECONDS = 300; // without a key before the words are searched for
let changed = () => {}; // pictures were added or taken away that the state does not know yet
let complain = () => {};
let typing = 0; // the timer of words that are not searched for yet

export function start({ onPictures, onError }) {
  changed = onPictures;
  complain = onError;
  $("choose").querySelector(".icon").append(icon("picture"));
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => { addFiles($("file").files); $("file").value = ""; });
  startWords();
  startWithout();
  startDrop();
}

function startWords() {
  const apply = () => {
    clearTimeout(typing);
    typing = 0;
    const text = $("words").value;
    if (text !== state.get().text) state.set({ text }, "text");
  };
  $("words").addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(apply, QUIET_MILLISECONDS); });
  $("words").addEventListener("change", apply);
  $("words").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); apply(); }
  });
  $("query").addEventListener("submit", (event) => { event.preventDefault(); apply(); addWithout(); });
}

function startWithout() {
  $("without").addEventListener("change", addWithout);
  $("without").addEventListener("keydown", (event) => {
    const { without } = state.get();
    if (event.key === "Backspace" && !$("without").value && without.length) state.set({ without: without.slice(0, -1) }, "without");
  });
}

function addWithout() {
  const text = $("without").value.trim();
  $("without").value = "";
  const { without } = state.get();
  if (text && !without.includes(text)) state.set({ without: [...without, text].slice(0, 8) }, "without");
}

function startDrop() {
  let depth = 0; // dragenter and dragleave come for every element below
  const show = (is) => { $("overlay").hidden = !is; };
  const takes = (event) => [...event.dataTransfer.types].some((type) => type === "Files" || type === "text/twinlens-id");
  addEventListener("dragenter", (event) => { if (takes(event)) { depth += 1; show(true); } });
  addEventListener("dragleave", (event) => { if (takes(event)) { depth = Math.max(0, depth - 1); show(depth > 0); } });
  addEventListener("dragover", (event) => { if (takes(event)) event.preventDefault(); });
  addEventListener("drop", (event) => {
    depth = 0;
    show(false);
    if (!takes(event)) return;
    event.preventDefault();
    const id = event.dataTransfer.getData("text/twinlens-id");
    if (id && !state.get().image.includes(id)) complain(like(id));
    else if (!id) addFiles(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => { if (event.clipboardData.files.length) addFiles(event.clipboardData.files); });
}

/** Take the pictures among some files; the service says what is none by its content. */
export function addFiles(files) {
  const pictures = [...files].filter((file) => !file.type || file.type.startsWith("image/"));
  const free = MAX_PICTURES - state.get().image.length - uploads.waiting().length;
  if (!pictures.length) return complain(`drop a JPEG, PNG, WebP or the like: ${files[0]?.name || "this"} is no picture`);
  if (pictures.length > free) complain(`a query has at most ${MAX_PICTURES} pictures; the others were left out`);
  uploads.add(pictures.slice(0, Math.max(0, free)));
  return changed();
}

/** Show the state in the form. */
export function show(one) {
  // An answer that comes while somebody writes must not take what was written since.
  if (!typing && one.text.trim() !== $("words").value.trim()) $("words").value = one.text;
  const held = document.activeElement?.closest("#query ul");
  showPictures(one);
  $("withouts").replaceChildren(...one.without.map(withoutChip));
  $("unlikes").replaceChildren(...one.unlike.map((id) => thumb(one, id, `Not like picture ${id}`, () => unlike(id))));
  // The button that took something away is gone; the keyboard goes on from here.
  if (held && document.activeElement === document.body) $("choose").focus();
}

function showPictures(one) {
  const known = one.image.map((reference, at) => thumb(one, reference, `Picture ${at + 1} of the query`, () => remove(reference)));
  const waiting = uploads.waiting().map((upload) => pendingThumb(upload));
  $("thumbs").replaceChildren(...known, ...waiting);
  const total = known.length + waiting.length;
  $("drop").classList.toggle("has", total > 0);
  $("choose").hidden = total >= MAX_PICTURES;
}

function remove(reference) {
  state.set({ image: state.get().image.filter((one) => one !== reference) }, "pictures");
}

function thumb(one, reference, alt, removes) {
  const isUpload = reference.startsWith("upload:");
  const source = isUpload ? uploads.urlOf(reference) : api.thumb(one.collection || null, reference, 480);
  return item(source, alt, removes);
}

function pendingThumb(upload) {
  const element = item(upload.url, upload.file.name || "The picture", () => { uploads.drop(upload); changed(); });
  element.classList.add("waits");
  return element;
}

function item(source, alt, removes) {
  const lost = el("span", { class: "lost", text: "Your picture" });
  const image = source ? el("img", { src: source, alt }) : lost;
  image.addEventListener("error", () => image.replaceWith(lost));
  return el("li", {}, image, iconButton("close", `Remove: ${alt}`, { class: "drop-it", on: { click: removes } }));
}

function withoutChip(text) {
  const removes = () => state.set({ without: state.get().without.filter((one) => one !== text) }, "without");
  return el("li", {}, el("button", { type: "button", class: "chip", "aria-label": `Remove: without ${text}`, on: { click: removes } },
    el("span", { class: "text", text: `without ${text}` }), icon("close")));
}
