// The button that makes tbspot forget a dropped film.

import { ask, attempt } from "./requests.js";

const button = document.getElementById("forget");

button.addEventListener("click", () => attempt(async () => {
  await ask(button.dataset.address, { method: "DELETE" });
  location.assign("/");
}));
