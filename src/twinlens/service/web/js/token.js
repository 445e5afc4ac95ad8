// The form of the token, sent from here so that the address with its query stays; without scripts it works too.

const form = document.querySelector("form");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/login", { method: "POST", body: new URLSearchParams(new FormData(form)) });
  if (answer.ok) location.reload();
  else document.getElementById("line").hidden = false;
});
