// The film page: controls to stages, thresholds to boxes.

import { onKeys, WAYS } from "./keys.js";
import { listen } from "./pointers.js";
import { ask, attempt, newest, whileBusy } from "./requests.js";
import { called, shownScore } from "./scores.js";
import { clamp, Film, Stage, View } from "./stage.js";

const page = document.getElementById("film");
const control = (name) => document.getElementById(name);
const view = new View();
const panels = [...page.querySelectorAll(".panel")].map(makePanel);
let film = null, asked = false;

function makePanel(figure) {
  const { address, width, height, share } = figure.dataset;
  const canvas = figure.querySelector("canvas");
  const stage = new Stage(canvas, view, Number(width) || 1, Number(height) || 1);
  stage.truth = JSON.parse(page.dataset.truth);
  const said = figure.querySelector(".said");
  return { figure, address, canvas, stage, said, title: canvas.ariaLabel, share: Number(share) || null };
}

// One drawing a frame, however many events ask for it.
function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    panels.forEach(({ stage }) => stage.draw());
  });
}

function show(name, text) {
  const output = page.querySelector(`output[for=${name}]`);
  if (output) output.textContent = text;
}

// ---- film, window

async function loadFilm() {
  const answer = await ask(`${panels[0].address}/pixels`);
  const [width, height] = ["X-Width", "X-Height"].map((name) => Number(answer.headers.get(name)));
  film = new Film(new Uint16Array(await answer.arrayBuffer()), width, height);
  for (const { stage } of panels) {
    stage.film = film;
    // A refused film has no size in its prediction.
    if (stage.width === 1) [stage.width, stage.height] = [width, height];
  }
  setWindow();
}

function setWindow() {
  const level = Number(control("level").value), width = Number(control("width").value);
  show("level", level.toFixed(2));
  show("width", width.toFixed(2));
  film?.setWindow(level, width, control("invert").checked);
  redraw();
}

function drag(across, down) {
  control("width").value = Number(control("width").value) + across / 300;
  control("level").value = Number(control("level").value) + down / 300;
  setWindow();
}

for (const name of ["level", "width", "invert"]) control(name).addEventListener("input", setWindow);
control("reset").addEventListener("click", reset);
control("closer").addEventListener("click", () => zoom(1.25));
control("farther").addEventListener("click", () => zoom(0.8));

function reset() {
  view.reset();
  [control("level").value, control("width").value, control("invert").checked] = [0.5, 1, false];
  setWindow();
}

function zoom(factor, x, y, stage = panels[0].stage) {
  stage.zoom(factor, x, y);
  redraw();
}

function move(across, down, stage = panels[0].stage) {
  stage.move(across, down);
  redraw();
}

for (const { canvas, stage } of panels) {
  listen(canvas, {
    tool: () => page.querySelector("[name=tool]:checked").value,
    window: drag,
    move: (across, down) => move(across, down, stage),
    zoom: (factor, x, y) => zoom(factor, x, y, stage),
  });
  canvas.addEventListener("keydown", (event) => {
    const step = 40;
    const moves = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    if (!moves[event.key]) return;
    event.preventDefault();
    move(...moves[event.key], stage);
  });
  new ResizeObserver(redraw).observe(canvas);
}

// ---- heat map, boxes

async function loadMap(panel, share) {
  const only = control("only-above").checked;
  const picture = new Image();
  picture.src = `${panel.address}/heatmap.png${only ? `?share=${share}` : ""}`;
  await picture.decode();
  panel.stage.map = picture;
}

async function cut(panel, chosen) {
  if (panel.share !== null) await whileBusy(panel.figure, () => showCut(panel, chosen));
}

async function showCut(panel, chosen) {
  const share = chosen ?? panel.share;
  const boxes = await (await ask(`${panel.address}/boxes${chosen === null ? "" : `?share=${share}`}`)).json();
  panel.stage.found = boxes;
  const count = boxes.length === 1 ? "1 box" : `${boxes.length || "no"} boxes`;
  panel.said.textContent = `${count} from ${(100 * share).toFixed(0)} % of the map's maximum`;
  panel.canvas.ariaLabel = `${panel.title}: ${panel.said.textContent}`;
  // With its sentence, not with the slowest panel: the two never tell of different thresholds.
  if (panel === panels[0]) fillTable(boxes);
  redraw();
  if (panel.stage.map === null || control("only-above").checked) await loadMap(panel, share);
}

// `null` = the share that each model was located with.
let share = null;
const cutAll = newest(async (chosen) => {
  await attempt(() => Promise.all(panels.map((panel) => cut(panel, chosen))));
  redraw();
});

function setShare(chosen) {
  share = chosen;
  const shown = chosen ?? panels[0].share;
  if (chosen === null) control("share").value = shown;
  show("share", `${(100 * shown).toFixed(0)} %`);
  control("as-located").ariaPressed = String(chosen === null);
  for (const link of document.querySelectorAll("[data-take]")) {
    link.search = chosen === null ? "" : `?share=${chosen}`;
  }
  return cutAll(chosen);
}

function fillTable(boxes) {
  page.querySelector(".boxes tbody").replaceChildren(...boxes.map((box, place) => {
    const row = document.createElement("tr");
    const cells = [
      place + 1, `${box.x0.toFixed(0)} to ${box.x1.toFixed(0)}`,
      `${box.y0.toFixed(0)} to ${box.y1.toFixed(0)}`, shownScore(box.score),
    ];
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  }));
}

function toggle() {
  const opacity = Number(control("opacity").value);
  show("opacity", `${Math.round(100 * opacity)} %`);
  for (const { stage } of panels) {
    stage.shown = {
      map: control("show-map").checked, opacity, found: control("show-boxes").checked,
      truth: control("show-truth")?.checked ?? false,
    };
  }
  redraw();
}

if (control("share")) {
  for (const name of ["show-map", "opacity", "show-boxes", "show-truth"]) {
    control(name)?.addEventListener("input", toggle);
  }
  control("only-above").addEventListener("input", async () => {
    await attempt(() => Promise.all(panels.map((panel) => loadMap(panel, share ?? panel.share))));
    redraw();
  });
  control("share").addEventListener("input", () => setShare(Number(control("share").value)));
  control("as-located").addEventListener("click", () => setShare(null));
  toggle();
  setShare(null);
}

// ---- threshold of the score

const tellOperating = newest((threshold) => attempt(async () => {
  const answer = await ask(`/threshold?score=${threshold}`);
  control("operating").textContent = (await answer.json()).sentence;
}));

function judge() {
  const slider = control("threshold");
  const threshold = Number(slider.value), score = Number(slider.dataset.score);
  show("threshold", shownScore(threshold));
  slider.ariaValueText = shownScore(threshold);
  control("verdict").textContent = `This film, with ${shownScore(score, threshold)}, is ${called(score, threshold)}.`;
  if ("ask" in control("operating").dataset) tellOperating(threshold);
}

if (control("threshold")) {
  control("threshold").addEventListener("input", judge);
  judge();
}

// ---- the rest

function press(name) {
  control(name)?.click();
}

function step(by) {
  if (control("share")) setShare(clamp(Number(control("share").value) + by, 0.01, 0.99));
}

onKeys({
  ...WAYS,
  i: () => press("invert"),
  h: () => press("show-map"),
  b: () => press("show-boxes"),
  t: () => press("show-truth"),
  "+": () => zoom(1.25),
  "-": () => zoom(0.8),
  0: reset,
  "[": () => step(-0.01),
  "]": () => step(0.01),
});

attempt(() => whileBusy(page, loadFilm));
