// A film that waits its turn: says how many are ahead, and opens it when it is done.

import { ask } from "./requests.js";

const text = document.getElementById("waiting");

async function look() {
  try {
    const progress = await (await ask(`${text.dataset.address}/progress`)).json();
    if (progress.done) return location.reload();
    text.textContent = progress.ahead ? `Films ahead: ${progress.ahead}` : "The model is looking at it";
    setTimeout(look, 300);
  } catch (error) {
    text.textContent = error.message;
  }
}

look();
