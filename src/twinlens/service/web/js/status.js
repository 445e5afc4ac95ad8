// Lines about the answers: how many, how fast, whether any stands out; and errors, as the service says them.

import { $, el, showLine } from "./dom.js";
import * as filters from "./filters.js";
import { canSlide } from "./request.js";
import * as state from "./state.js";
import * as texts from "./texts.js";

const NO_DIRECTION = "gives this query no direction";
const FLASH_MILLISECONDS = 1500;

/** Return what a column shows of its search; further: functions that are called after. The first one's lines are shown. */
export function shows(further, { isFirst }) {
  return {
    started: () => $("columns").classList.add("busy"),
    answered: (column, answer, hits) => {
      ready();
      if (isFirst) tell(answer, hits);
      further.answered?.(column, answer, hits);
    },
    more: (_column, answer, hits) => { if (isFirst) tell(answer, hits); },
    failed: (column, error) => {
      ready();
      if (isFirst && !column.search.answer) tell(null, []);
      showLine($("error"), lineOf(error));
      further.failed?.();
    },
    emptied: (column) => {
      ready();
      if (isFirst) tell(null, []);
      further.emptied?.(column);
    },
  };
}

/** Return an error's line; for words without a direction, the cure that the slider offers. */
function lineOf({ message }) {
  const one = state.get();
  const isWords = message.includes(NO_DIRECTION) && canSlide(one) && one.balance > 0.5;
  return isWords ? "The words alone give this model nothing to search for: move the slider back towards the picture." : message;
}

function ready() {
  $("columns").classList.remove("busy");
  showLine($("error"), "");
}

function tell(answer, hits) {
  $("actions").hidden = !hits.length;
  if (!answer) $("count").textContent = "";
  else {
    const number = answer.cursor ? `The first ${texts.count(hits.length)} answers` : texts.counted(hits.length, "answer");
    $("count").replaceChildren(el("b", { text: number }), ` in ${texts.seconds(answer.seconds.total)}`);
    $("count").dataset.embedded = answer.embedded;
  }
  showLine($("notice"), answer ? doubt(answer, hits) : "");
  if (answer && !hits.length && filters.counted(state.get())) offerClear();
}

function doubt(answer, hits) {
  if (!hits.length) return "No picture meets the filters. ";
  return answer.doubtful ? "None of these stands out: perhaps no picture here shows it, or nearly all do." : "";
}

function offerClear() {
  $("notice").append(el("button", { type: "button", class: "plain", text: "Clear the filters", on: { click: filters.clear } }));
}

/** Show another text on a button for a moment. */
export function flash(button, text) {
  const before = button.dataset.text || button.textContent;
  button.dataset.text = before;
  button.textContent = text;
  setTimeout(() => { button.textContent = before; }, FLASH_MILLISECONDS);
}
