// The outline of a bank card on the screen, as large as the card that is held to it: pixels a millimetre.

import { say } from "./words.js";

const CARD = { long: 85.6, short: 53.98 }; // mm, ISO/IEC 7810 ID-1
const USUAL = 3.78; // CSS px a millimetre where nothing else is known: 96 an inch
const EDGE = 2; // CSS px to the window's edges
const UPRIGHT = 480; // CSS px of the column under which the card stands upright

const form = document.getElementById("measure");
const card = document.getElementById("card");
const size = document.getElementById("size");
const alike = document.getElementById("alike");
const distance = document.getElementById("distance");
const column = form.clientWidth;
const room = document.documentElement.clientWidth; // the card may leave the column
const upright = column < UPRIGHT;
const across = upright ? CARD.short : CARD.long;

size.min = Math.round(across * 2);
size.max = Math.min(room - 2 * EDGE, Math.round(across * 9));
size.value = across * USUAL;
draw();
size.addEventListener("input", () => {
  alike.checked = !atEnd();
  draw();
});
alike.addEventListener("change", draw);
form.addEventListener("submit", ({ submitter }) => {
  const skipped = submitter?.id === "skip";
  form.elements.pixels_per_mm.value = alike.checked && !skipped ? pixelsPerMm().toFixed(4) : "";
  form.elements.distance_mm.value = distance.value && !skipped ? Math.round(10 * distance.valueAsNumber) : "";
});

/** Whether the outline can grow or shrink no further, so that nobody knows whether it would have had to. */
function atEnd() {
  return [size.min, size.max].some((end) => Math.abs(size.valueAsNumber - end) < 0.5);
}

/** Device pixels a millimetre of the screen, by the outline. */
function pixelsPerMm() {
  return (size.valueAsNumber / across) * devicePixelRatio;
}

function draw() {
  const width = size.valueAsNumber;
  card.style.width = `${width}px`;
  card.style.height = `${(width * (upright ? CARD.long : CARD.short)) / across}px`;
  card.style.marginInlineStart = `${Math.min(0, (column - width) / 2)}px`;
  document.getElementById("measured").textContent = [atEnd() ? say("at_the_end") : "", measured()].join(" ").trim();
}

function measured() {
  if (!alike.checked) return "";
  const language = `${document.documentElement.lang}-u-nu-latn`;
  return say("measured", { number: pixelsPerMm().toLocaleString(language, { maximumFractionDigits: 1 }) });
}
