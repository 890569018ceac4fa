// A node's list: searched and sorted as one types, and new films appear by themselves.
// What is searched for is sent in a body and stays out of addresses: it may be a name.

import { onKeys } from "./keys.js";
import { ask } from "./requests.js";

const SECONDS = 2, LONGEST = 30;
const form = document.getElementById("query");
const list = document.getElementById("films");
const fault = document.querySelector(".fault");
let mark = list.dataset.mark, page = Number(list.dataset.page);
let pause = SECONDS, timer = 0, asking = null;

function question() {
  const { search, order, show } = form.elements;
  return { search: search.value, order: order.value, show: show.value, page };
}

// Ask for what has changed; a newer question ends an older one.
async function look() {
  clearTimeout(timer);
  asking?.abort();
  const own = asking = new AbortController();
  try {
    const body = JSON.stringify({ ...question(), mark });
    const answer = await ask("/films", { method: "POST", body, signal: own.signal });
    if (answer.status === 200) {
      const rows = await answer.text();
      if (own.signal.aborted) return;
      mark = answer.headers.get("X-Mark");
      show(rows);
    }
    fault.hidden = true;
    pause = SECONDS;
  } catch (error) {
    if (own.signal.aborted) return;
    fault.hidden = false;
    if (fault.textContent !== error.message) fault.textContent = error.message;
    pause = Math.min(LONGEST, 2 * pause);
  }
  // A tab that nobody sees asks nothing.
  if (!own.signal.aborted && !document.hidden) timer = setTimeout(look, 1000 * pause);
}

function anew(wanted = 1) {
  [mark, page] = ["", wanted];
  look();
}

// Rows that stay the same stay where they are, so that neither focus nor place is lost.
function show(text) {
  const made = new DOMParser().parseFromString(text, "text/html");
  for (const name of ["#troubles", "#found"]) put(name, made);
  const focus = document.activeElement?.closest("#films tr")?.id;
  const here = list.querySelector("tbody");
  const old = new Map([...here.children].map((row) => [row.id, row]));
  const rows = [...made.querySelectorAll("tbody tr")].map((row) => {
    const kept = old.get(row.id);
    return kept?.isEqualNode(row) ? kept : document.adoptNode(row);
  });
  arrange(here, rows);
  put("nav.pages", made);
  // The last one, where there are fewer pages than were asked for.
  page = Number(made.querySelector("button[rel=prev]").dataset.page) + 1;
  list.querySelector("table").hidden = !rows.length;
  if (focus && !document.activeElement?.closest("#films tr")) {
    document.querySelector(`#${focus} a`)?.focus({ preventScroll: true });
  }
}

function put(name, made) {
  const here = list.querySelector(name), other = made.querySelector(name);
  if (here.isEqualNode(other)) return;
  here.hidden = other.hidden;
  const focused = here.contains(document.activeElement) && document.activeElement.getAttribute("rel");
  here.replaceChildren(...other.childNodes);
  if (focused) here.querySelector(`[rel=${focused}]:enabled, :enabled`)?.focus();
}

function arrange(body, rows) {
  const wanted = new Set(rows);
  for (const row of [...body.children]) if (!wanted.has(row)) row.remove();
  rows.forEach((row, place) => {
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  });
}

// Orders are kept in the address, what is searched for is not.
function keep() {
  const usual = { order: "newest", show: "all" };
  const chosen = Object.entries(usual)
    .map(([name, one]) => [name, form.elements[name].value, one])
    .filter(([, value, one]) => value !== one)
    .map(([name, value]) => [name, value]);
  history.replaceState(null, "", chosen.length ? `?${new URLSearchParams(chosen)}` : "/");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  anew();
});
form.elements.search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(anew, 250);
});
for (const choice of form.querySelectorAll("select")) {
  choice.addEventListener("change", () => {
    keep();
    anew();
  });
}
list.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-page]");
  if (button) anew(Number(button.dataset.page));
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

function go(step) {
  const films = [...list.querySelectorAll("a.film")];
  const here = films.indexOf(document.activeElement);
  films[Math.min(films.length - 1, Math.max(0, here + step))]?.focus();
}

onKeys({
  j: () => go(1),
  k: () => go(-1),
  n: () => list.querySelector("button[rel=next]:enabled")?.click(),
  p: () => list.querySelector("button[rel=prev]:enabled")?.click(),
  "/": () => form.elements.search.focus(),
});
look();
