// The picture: a film with its window, a heat map over it and boxes, zoomed and moved.
// A Film holds grey values and is shared by the stages; a View is shared so that they move as one.

const FOUND = "#56b4e9", TRUE = "#ffffff", HALO = "#000000";
const CLOSEST = 32, FARTHEST = 0.5;

export class Film {
  // values: Uint16Array of width * height
  constructor(values, width, height) {
    this.values = values;
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [width, height];
    this.context = this.canvas.getContext("2d");
    this.picture = this.context.createImageData(width, height);
    this.table = new Uint32Array(65536);
  }

  // Show values from level - width / 2 (black) to level + width / 2 (white), all in [0, 1].
  setWindow(level, width, inverted) {
    const low = level - width / 2;
    for (let value = 0; value < 65536; value++) {
      const share = Math.min(1, Math.max(0, (value / 65535 - low) / width));
      const grey = Math.round(255 * (inverted ? 1 - share : share));
      this.table[value] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
    const pixels = new Uint32Array(this.picture.data.buffer);
    for (let place = 0; place < pixels.length; place++) pixels[place] = this.table[this.values[place]];
    this.context.putImageData(this.picture, 0, 0);
  }
}

export class View {
  constructor() { this.reset(); }

  // The film's point at the middle of the stage, in shares of its sides, and the zoom over
  // showing it whole.
  reset() { [this.zoom, this.x, this.y] = [1, 0.5, 0.5]; }
}

export class Stage {
  // width and height: of the film in its own pixels, which boxes are in
  constructor(canvas, view, width, height) {
    Object.assign(this, { canvas, view, width, height });
    this.context = canvas.getContext("2d");
    this.film = this.map = null;
    this.found = [];
    this.truth = [];
    this.shown = { map: true, opacity: 0.6, found: true, truth: true };
  }

  // Screen pixels for one pixel of the film.
  scale() {
    return this.view.zoom * Math.min(this.canvas.width / this.width, this.canvas.height / this.height);
  }

  move(across, down) {
    const scale = this.scale() / devicePixelRatio;
    this.view.x = clamp(this.view.x - across / scale / this.width, 0, 1);
    this.view.y = clamp(this.view.y - down / scale / this.height, 0, 1);
  }

  // Zoom by a factor so that the point of the stage at x, y (in its own pixels) stays.
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const before = this.view.zoom;
    this.view.zoom = clamp(before * factor, FARTHEST, CLOSEST);
    const gain = (this.view.zoom / before - 1) / (this.scale() / devicePixelRatio);
    this.view.x = clamp(this.view.x + (gain * (x - this.canvas.clientWidth / 2)) / this.width, 0, 1);
    this.view.y = clamp(this.view.y + (gain * (y - this.canvas.clientHeight / 2)) / this.height, 0, 1);
  }

  draw() {
    const { canvas, context, width, height, view, shown } = this;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    const scale = this.scale();
    context.setTransform(
      scale, 0, 0, scale,
      canvas.width / 2 - view.x * width * scale, canvas.height / 2 - view.y * height * scale,
    );
    context.imageSmoothingQuality = "high";
    if (this.film) context.drawImage(this.film.canvas, 0, 0, width, height);
    if (this.map && shown.map) {
      context.globalAlpha = shown.opacity;
      context.drawImage(this.map, 0, 0, width, height);
      context.globalAlpha = 1;
    }
    const line = (2 * devicePixelRatio) / scale;
    if (shown.truth) this.truth.forEach((box) => this.frame(box, TRUE, line, [4 * line, 3 * line]));
    if (shown.found) this.found.forEach((box, place) => {
      this.frame([box.x0, box.y0, box.x1, box.y1], FOUND, line, [], String(place + 1));
    });
  }

  frame([x0, y0, x1, y1], colour, line, dashes, title = "") {
    const context = this.context;
    context.setLineDash([]);
    context.strokeStyle = HALO;
    context.lineWidth = 2 * line;
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    context.setLineDash(dashes);
    context.strokeStyle = colour;
    context.lineWidth = line;
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    context.font = `bold ${7 * line}px system-ui, sans-serif`;
    context.lineJoin = "round";
    context.setLineDash([]);
    context.strokeStyle = HALO;
    context.lineWidth = 1.5 * line;
    context.strokeText(title, x0 + 2 * line, y0 + 8 * line);
    context.fillStyle = colour;
    context.fillText(title, x0 + 2 * line, y0 + 8 * line);
  }
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
