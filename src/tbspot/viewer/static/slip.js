// The slip's button, and the way back by keyboard.

import { onKeys, WAYS } from "./keys.js";

document.getElementById("print").addEventListener("click", () => window.print());
onKeys(WAYS);
