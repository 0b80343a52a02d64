// The outline of a bank card on the screen, as large as the card that is held to it: pixels a millimetre.

import { say } from "./words.js";

const CARD = { long: 85.6, short: 53.98 }; // mm, ISO/IEC 7810 ID-1
const USUAL = 3.78; // CSS px a millimetre where nothing else is known: 96 an inch
const UPRIGHT = 480; // CSS px of the column under which the card stands upright

const form = document.getElementById("measure");
const card = document.getElementById("card");
const size = document.getElementById("size");
const distance = document.getElementById("distance");
const room = form.clientWidth;
const upright = room < UPRIGHT;
const across = upright ? CARD.short : CARD.long;
let moved = false;

size.min = Math.round(across * 2);
size.max = Math.min(room - 4, Math.round(across * 9));
size.value = across * USUAL;
draw();
size.addEventListener("input", () => {
  moved = true;
  draw();
});
form.addEventListener("submit", ({ submitter }) => {
  const skipped = submitter?.id === "skip";
  form.elements.pixels_per_mm.value = moved && !skipped ? pixelsPerMm().toFixed(4) : "";
  form.elements.distance_mm.value = distance.value && !skipped ? Math.round(10 * distance.valueAsNumber) : "";
});

/** Device pixels a millimetre of the screen, by the outline. */
function pixelsPerMm() {
  return (size.valueAsNumber / across) * devicePixelRatio;
}

function draw() {
  card.style.width = `${size.value}px`;
  card.style.height = `${(size.valueAsNumber * (upright ? CARD.long : CARD.short)) / across}px`;
  const number = pixelsPerMm().toLocaleString(`${document.documentElement.lang}-u-nu-latn`, { maximumFractionDigits: 1 });
  document.getElementById("measured").textContent = moved ? say("measured", { number }) : "";
}
