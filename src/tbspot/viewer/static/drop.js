// Films dropped on the page or chosen: sent one by one, asked after until they are done.
// Their names stay in this tab; the server never gets to know them.

import { drop, keep, kept } from "./kept.js";
import { ask, LOST } from "./requests.js";
import { called, shownScore } from "./scores.js";

const section = document.querySelector("[data-most-bytes]");
const list = section?.querySelector(".drops");
const most = Number(section?.dataset.mostBytes);
const pause = 400;
let sending = Promise.resolve();

// A browser gives a folder as if it were a file that cannot be read.
function withoutFolders({ items, files }) {
  const folders = [...items].map((item) => item.webkitGetAsEntry()?.isDirectory);
  return [...files].filter((file, place) => {
    if (folders[place]) new Line(file.name).say("is a folder; drop the films that it holds");
    return !folders[place];
  });
}

function take(files) {
  for (const file of files) {
    const line = new Line(file.name);
    // One at a time: the server answers in order, and memory stays small.
    sending = sending.then(() => send(file, line)).catch((error) => line.say(error.message));
  }
}

async function send(file, line) {
  if (file.size > most) {
    throw new Error(`it has ${file.size.toLocaleString()} bytes, more than ${most.toLocaleString()}; export it smaller`);
  }
  const { address } = JSON.parse(await upload(file, (share) => line.progress(share)));
  keep(address);
  follow(address, line).catch((error) => line.say(error.message));
}

// fetch does not tell how much has been sent.
function upload(file, tell) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/drops");
    request.upload.addEventListener("progress", (event) => tell(event.loaded / Math.max(1, event.total)));
    request.addEventListener("load", () => (request.status === 202
      ? done(request.responseText) : failed(new Error(request.responseText.trim()))));
    request.addEventListener("error", () => failed(new Error(LOST)));
    request.send(file);
  });
}

async function follow(address, line) {
  for (;;) {
    const progress = await (await ask(`${address}/progress`)).json();
    if (progress.done) return line.done(address, progress);
    line.say(progress.ahead ? `films ahead: ${progress.ahead}` : "the model is looking at it");
    await new Promise((go) => setTimeout(go, pause));
  }
}

// A film of before, which tbspot may have let go since.
async function restore(address, line) {
  try {
    await follow(address, line);
  } catch (error) {
    line.say(error.message);
    if (error.status !== 404) return;
    drop(address);
    line.item.remove();
  }
}

class Line {
  constructor(name) {
    this.item = document.createElement("li");
    this.name = Object.assign(document.createElement("span"), { textContent: name });
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", `Sending ${name}`);
    this.text = document.createElement("span");
    this.item.append(this.name, " ", this.bar, " ", this.text);
    list.append(this.item);
  }

  progress(share) { this.bar.value = share; }

  say(sentence) {
    this.bar.remove();
    this.text.textContent = sentence;
  }

  done(address, { status, reason, score, threshold, boxes }) {
    const link = Object.assign(document.createElement("a"), { href: address, textContent: this.name.textContent });
    this.name.replaceWith(link);
    if (status !== "failed") link.prepend(thumbnail(address));
    if (status !== "ok") return this.say(`${status}: ${reason}`);
    const told = [
      `score ${shownScore(score, threshold)} of 100, ${called(score, threshold)}`,
      boxes === 1 ? "1 box" : `${boxes || "no"} boxes`,
    ];
    this.say(told.concat(reason ?? []).join("; "));
  }
}

function thumbnail(address) {
  return Object.assign(new Image(32, 32), { alt: "", src: `${address}/thumbnail.png` });
}

if (section) {
  kept().forEach((address, place) => restore(address, new Line(`Dropped film ${place + 1}`)));
  document.getElementById("files").addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = "";
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
  document.addEventListener("dragleave", () => document.body.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("over");
    take(withoutFolders(event.dataTransfer));
  });
}
