// The token: asked for in a dialog when the service wants one, so that the query of the page is not lost.

import { $, dialogHead, el, openDialog } from "./dom.js";

export function open() {
  if ($("login").open) return;
  const input = el("input", { type: "password", name: "token", id: "login-token", autocomplete: "current-password", required: true });
  const line = el("p", { class: "line", role: "alert", hidden: true });
  const form = el("form", {}, el("label", { for: "login-token", text: "Token of this service" }), input, line,
    el("button", { class: "primary", text: "Open" }), el("p", { class: "quiet" }, "Whoever started the service has it, in TWINLENS_TOKEN or in the file of ", el("span", { class: "whole", text: "--token-file" }), "."));
  form.addEventListener("submit", (event) => { event.preventDefault(); send(input, line); });
  $("login").replaceChildren(dialogHead("The service wants its token", "login-title"), el("div", { class: "body" }, form));
  openDialog($("login"));
  input.focus();
}

async function send(input, line) {
  const answer = await fetch("/login", { method: "POST", body: new URLSearchParams({ token: input.value }) }).catch(() => null);
  if (answer?.ok) location.reload();
  line.hidden = false;
  line.textContent = answer?.status === 401 ? "This is not the token; look at it again." : "The service does not answer.";
}
