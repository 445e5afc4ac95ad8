// Building of elements; texts are only ever set as text.

import { icon } from "./icons.js";
import { sentence } from "./texts.js";

export const $ = (id) => document.getElementById(id);

/** Build an element. Properties: class, text, on (listeners), style (CSS properties), and attributes. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "text") element.textContent = value;
  else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
  // Styles go through the object model: the policy of the service forbids them in attributes.
  else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
  else element.setAttribute(name, value === true ? "" : value);
}

/** Build a button that shows an icon alone. */
export function iconButton(name, label, properties = {}) {
  return el("button", { type: "button", "aria-label": label, title: label, ...properties }, icon(name));
}

/** Show a line in an element, or hide the element without one. */
export function showLine(element, text) {
  element.textContent = text ? sentence(text) : "";
  element.hidden = !text;
}

/** Build the head of a dialog: its title, and a button that closes it. */
export function dialogHead(title, id) {
  const close = iconButton("close", "Close", { class: "close", on: { click: (event) => event.target.closest("dialog").close() } });
  return el("header", {}, el("h2", { id, text: title }), close);
}

/** Open a dialog; a click beside it closes it. */
export function openDialog(dialog) {
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  if (!dialog.open) dialog.showModal();
}

export const reducesMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
