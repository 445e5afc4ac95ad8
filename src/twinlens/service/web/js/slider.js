// The slider between picture and words. Its middle is the query as the model composes it.

import { $ } from "./dom.js";
import { canSlide } from "./request.js";
import * as state from "./state.js";
import * as uploads from "./uploads.js";

const SNAP = 0.03; // so near to the middle is the middle
let isDragged = false;

export function start() {
  $("balance").addEventListener("input", () => slide(snapped(Number($("balance").value))));
  $("balance").addEventListener("pointerdown", () => { isDragged = true; });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { isDragged = false; });
  $("balance").addEventListener("dblclick", () => slide(0.5));
}

/** A hand seldom meets the middle exactly; keys do. */
const snapped = (value) => (isDragged && Math.abs(value - 0.5) <= SNAP ? 0.5 : value);

function slide(balance) {
  describe(balance);
  if (balance !== state.get().balance) state.set({ balance }, "balance");
}

/** Show the slider where there is a picture and words, at the state's place. */
export function show(one) {
  const can = canSlide(one, uploads.waiting());
  $("slide").classList.toggle("off", !can);
  $("balance").disabled = !can;
  // While it is dragged, the thumb follows the hand.
  if (!isDragged) $("balance").value = one.balance;
  describe(one.balance);
}

function describe(balance) {
  $("balance").setAttribute("aria-valuetext", phrase(balance));
}

/** Say a place of the slider in words. */
export function phrase(balance) {
  const percent = `${Math.round(Math.abs(balance - 0.5) * 200)} percent`;
  if (balance === 0.5) return "picture and words together";
  if (balance === 0 || balance === 1) return balance ? "the words alone" : "the picture alone";
  return `${percent} towards the ${balance < 0.5 ? "picture" : "words"}`;
}
