// Mouse and fingers on a stage, as radiology workstations have them: dragging sets the window,
// the middle button moves, the right one and the wheel zoom, two fingers zoom and move.

// Pixels of a line, in which Firefox counts turns of the wheel.
const LINE = 33;

// on: tool() -> "window" or "pan"; window(across, down), move(across, down), zoom(factor, x, y)
export function listen(canvas, on) {
  const fingers = new Map();
  let action = "";

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    action = actionOf(event, on.tool());
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    if (fingers.size === 2) return pinch(event, before);
    const across = event.clientX - before.clientX, down = event.clientY - before.clientY;
    fingers.set(event.pointerId, event);
    if (action === "zoom") on.zoom(Math.exp(-down / 150));
    else if (action === "pan") on.move(across, down);
    else on.window(across, down);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  // The middle button moves the film; some browsers would scroll the page with it.
  canvas.addEventListener("mousedown", (event) => { if (event.button === 1) event.preventDefault(); });
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    on.zoom(Math.exp(-pixels / 500), event.offsetX, event.offsetY);
  }, { passive: false });

  function pinch(event, before) {
    const other = [...fingers.values()].find((one) => one.pointerId !== event.pointerId);
    const edge = canvas.getBoundingClientRect();
    on.move((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
    on.zoom(
      distance(event, other) / Math.max(1, distance(before, other)),
      (event.clientX + other.clientX) / 2 - edge.left, (event.clientY + other.clientY) / 2 - edge.top,
    );
    fingers.set(event.pointerId, event);
  }
}

function actionOf(event, tool) {
  if (event.button === 1 || (event.button === 0 && event.shiftKey)) return "pan";
  return event.button === 2 ? "zoom" : tool;
}

function distance(one, other) {
  return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
}
