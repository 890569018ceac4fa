// The worklist by keyboard; choices apply at once.

import { follow, onKeys } from "./keys.js";

const form = document.getElementById("query");
const films = [...document.querySelectorAll("a.film")];

for (const choice of form.querySelectorAll("select")) {
  choice.addEventListener("change", () => form.requestSubmit());
}
// Addresses stay short: what is usual is not sent.
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, usual] of [["search", ""], ["sort", "highest"], ["show", "all"], ["status", "any"]]) {
    if (formData.get(name) === usual) formData.delete(name);
  }
});
// A film that is gone leaves its place dark rather than a broken picture.
for (const picture of document.querySelectorAll("a.film img")) {
  picture.addEventListener("error", () => picture.replaceWith(Object.assign(
    document.createElement("span"), { className: "small", textContent: "no picture" },
  )));
}

function go(step) {
  const here = films.indexOf(document.activeElement);
  films[Math.min(films.length - 1, Math.max(0, here + step))]?.focus();
}

onKeys({
  j: () => go(1),
  k: () => go(-1),
  n: () => follow("a[rel=next]"),
  p: () => follow("a[rel=prev]"),
  "/": () => form.elements.search.focus(),
});
