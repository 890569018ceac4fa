// The button that makes tbspot forget a dropped film; the page leaves it disabled until this
// script listens, so that no click is lost.

import { drop } from "./kept.js";
import { ask, attempt } from "./requests.js";

const button = document.getElementById("forget");

button.addEventListener("click", () => attempt(async () => {
  await ask(button.dataset.address, { method: "DELETE" });
  drop(button.dataset.address);
  location.assign("/");
}));
button.disabled = false;
