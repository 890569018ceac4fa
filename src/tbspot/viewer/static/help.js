// The dialog of keys: `?` or its button opens it, Escape or its button closes it.

import { onKeys } from "./keys.js";

const dialog = document.getElementById("keys");
const button = document.getElementById("help");

const open = () => dialog.showModal();

onKeys({ "?": open });
button.addEventListener("click", open);
button.disabled = false;
