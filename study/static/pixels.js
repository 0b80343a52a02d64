// Exact pixels: one image pixel covers n x n whole device pixels, at a whole device pixel. A canvas keeps its image's
// size as layout size, at the window's origin, and is moved and scaled by a transform alone: layout lengths are rounded
// to 1/64 px, a transform is not, so this stays exact at every device pixel ratio, browser zoom included.

/** The window in device pixels. A pinch zoom scales after layout, so it is told apart: nothing is exact under it. */
export function view() {
  const ratio = devicePixelRatio;
  const { clientWidth, clientHeight } = document.documentElement;
  const pinch = visualViewport?.scale ?? 1;
  const [width, height] = [clientWidth, clientHeight].map((length) => Math.floor(length * ratio));
  return { width, height, ratio, pinch, pinched: pinch !== 1 };
}

/** Calls `changed` whenever the window's size, density, zoom or pinch changes. */
export function watch(changed) {
  addEventListener("resize", changed);
  visualViewport?.addEventListener("resize", changed);
  const density = () => {
    const next = () => (changed(), density());
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", next, { once: true });
  };
  density();
}

/** Draws an image into a canvas of its own size, opaque, so that nothing is blended; then the lines around the frames. */
export function draw(canvas, bitmap, frames = []) {
  if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
  if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { alpha: false });
  context.drawImage(bitmap, 0, 0);
  for (const frame of frames) outline(context, frame);
}

/** A double line, dark within light, around a rectangle of image pixels: outside it, so that it covers none of them. */
function outline(context, { x, y, width, height }) {
  for (const [distance, grey] of [[1, "#1c1c1c"], [2, "#fcfcfc"]]) {
    const [wide, high] = [width + 2 * distance, height + 2 * distance];
    context.fillStyle = grey;
    context.fillRect(x - distance, y - distance, wide, 1);
    context.fillRect(x - distance, y + height + distance - 1, wide, 1);
    context.fillRect(x - distance, y - distance, 1, high);
    context.fillRect(x + width + distance - 1, y - distance, 1, high);
  }
}

/**
 * Puts the `lens` {x, y, width, height, zoom} of a canvas, in image pixels, with its corner on a device pixel, each image
 * pixel on scale * zoom device pixels a side; the rest of the canvas is cut off.
 */
export function place(canvas, { x, y }, scale, ratio, lens) {
  const side = scale * lens.zoom;
  const [left, top] = [x - lens.x * side, y - lens.y * side];
  canvas.style.transform = `translate(${left / ratio}px, ${top / ratio}px) scale(${side / ratio})`;
  const [right, bottom] = [canvas.width - lens.x - lens.width, canvas.height - lens.y - lens.height];
  canvas.style.clipPath = lens.zoom === 1 ? "none" : `inset(${lens.y}px ${right}px ${bottom}px ${lens.x}px)`;
}

// Styles that change what is painted, and the value of each that does not.
const NEUTRAL = { filter: "none", backdropFilter: "none", mixBlendMode: "normal", opacity: "1", maskImage: "none" };

/** Whether no style changes the canvas's pixels: one of its own, or of an element that it is in (an extension's, say). */
function untouched(canvas) {
  if (!["pixelated", "crisp-edges"].includes(getComputedStyle(canvas).imageRendering)) return false;
  for (let element = canvas; element; element = element.parentElement) {
    const style = getComputedStyle(element);
    if (!Object.entries(NEUTRAL).every(([name, value]) => (style[name] ?? value) === value)) return false;
  }
  return true;
}

/** Whether the browser really put the canvas there, and paints it as it is: its box, measured, in device pixels. */
export function exact(canvas, { x, y }, scale, ratio, lens) {
  if (!untouched(canvas)) return false;
  const side = scale * lens.zoom;
  const box = canvas.getBoundingClientRect();
  const measured = [box.x, box.y, box.width, box.height].map((length) => length * ratio);
  const planned = [x - lens.x * side, y - lens.y * side, side * canvas.width, side * canvas.height];
  return planned.every((length, index) => Math.abs(length - measured[index]) < 0.02);
}
