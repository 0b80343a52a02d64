// Exact pixels: one image pixel covers n x n whole device pixels, at a whole device pixel. A canvas keeps its image's
// size as layout size, at the window's origin, and is moved and scaled by a transform alone: layout lengths are rounded
// to 1/64 px, a transform is not, so this stays exact at every device pixel ratio, browser zoom included.

import { BUTTON, CAPTION, INSET, MARK, MIDDLE, ROW } from "./page.js";

const GAP = 16; // CSS px between neighbouring images
const MARGIN = 12; // to the window's edges

/**
 * Where the images go. Pure: whole device pixels in, whole device pixels out.
 * `view` is {width, height, ratio}; `trial` the door's; `parts` holds heights in CSS px {question, hint, foot} and
 * booleans {notSure, onDemand}.
 * With a reference (even one on demand) there are three columns, so that nothing moves when it comes into view.
 */
export function plan(view, trial, parts) {
  const px = (css) => Math.round(css * view.ratio);
  const three = trial.reference_mode !== "never";
  const scale = trial.device_pixels_per_pixel;
  const shown = [trial.left, trial.right, trial.reference].filter(Boolean);
  const cell = {
    width: scale * Math.max(...shown.map((image) => image.width)),
    height: scale * Math.max(...shown.map((image) => image.height)),
  };
  // The middle button needs its width between the two outer ones, which end where the images do.
  const middle = parts.notSure ? px(MIDDLE + 2 * INSET) : 0;
  const gap = Math.max(px(GAP), three ? Math.ceil((middle - cell.width) / 2) : middle);
  const total = three ? 3 * cell.width + 2 * gap : 2 * cell.width + gap;
  const above = px(parts.question + CAPTION);
  const rows = parts.onDemand ? 2 * BUTTON.height + ROW : BUTTON.height;
  const below = px(MARK.above + MARK.height + MARK.below + rows + parts.hint);
  const needs = { width: total + 2 * px(MARGIN), height: above + cell.height + below + px(parts.foot) };
  const x = Math.floor((view.width - total) / 2);
  const top = Math.max(0, Math.floor((view.height - needs.height) / 2));
  const columns = { left: x, reference: x + cell.width + gap, right: x + total - cell.width };
  const fits = view.width >= needs.width && view.height >= needs.height;
  return { fits, needs, scale, cell, columns, top, y: top + above };
}

/** The upper left corner of an image, centred in its column: whole device pixels. */
export function corner(layout, side, image) {
  return {
    x: layout.columns[side] + Math.floor((layout.cell.width - layout.scale * image.width) / 2),
    y: layout.y + Math.floor((layout.cell.height - layout.scale * image.height) / 2),
  };
}

/** The window in device pixels. A pinch zoom scales after layout, so it is told apart: nothing is exact under it. */
export function view() {
  const ratio = devicePixelRatio;
  const { clientWidth, clientHeight } = document.documentElement;
  const pinched = (visualViewport?.scale ?? 1) !== 1;
  return { width: Math.floor(clientWidth * ratio), height: Math.floor(clientHeight * ratio), ratio, pinched };
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

/** Draws an image into a canvas of its own size; opaque, so that nothing is blended. */
export function draw(canvas, bitmap) {
  if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
  if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
  canvas.getContext("2d", { alpha: false }).drawImage(bitmap, 0, 0);
}

/** Puts a canvas with its corner on a device pixel, each image pixel on `scale` x `scale` of them. */
export function place(canvas, { x, y }, scale, ratio) {
  canvas.style.transform = `translate(${x / ratio}px, ${y / ratio}px) scale(${scale / ratio})`;
}

/** Whether the browser really put the canvas there: its box, measured, in device pixels. */
export function exact(canvas, { x, y }, scale, ratio) {
  const box = canvas.getBoundingClientRect();
  const measured = [box.x, box.y, box.width, box.height].map((length) => length * ratio);
  const planned = [x, y, scale * canvas.width, scale * canvas.height];
  return planned.every((length, index) => Math.abs(length - measured[index]) < 0.02);
}
