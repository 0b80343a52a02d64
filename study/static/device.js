// A look at the window and the device, before the trials: silent where all is well, and never in the way where a
// browser does not tell. The trial page itself shows nothing that is not exact.

import { plan } from "./layouts.js";
import { view, watch } from "./pixels.js";
import { say } from "./words.js";

const SHORT_SIDE = 600; // CSS px under which a device that is touched is a phone
const TINY = 64; // CSS px under which a crop is hard to see
const PARTS = { question: 52, hint: 36, foot: 48 }; // CSS px that the trial page takes around the images

const notice = document.getElementById("device");
const elsewhere = document.getElementById("elsewhere");
const { phones, trial } = JSON.parse(notice.dataset.device);
const touched = matchMedia("(pointer: coarse)").matches;

/** What the server keeps of the screen; a value that the browser does not tell stays empty. */
function tell() {
  const gamut = ["rec2020", "p3", "srgb"].find((name) => matchMedia(`(color-gamut: ${name})`).matches);
  const facts = {
    touch: touched ? "1" : "0",
    screen_width: Math.round(screen.width) || "",
    screen_height: Math.round(screen.height) || "",
    colour_depth: screen.colorDepth || "",
    colour_gamut: gamut ?? "",
  };
  for (const field of document.querySelectorAll("[data-fact]")) field.value = facts[field.name];
}

/** A device that the study does not want or that is too small, before consent: the way on is a computer. */
function sendElsewhere(away) {
  elsewhere.hidden = !away;
  document.querySelector("[data-action=agree]").hidden = away;
}

async function copyLink({ currentTarget }) {
  const link = elsewhere.querySelector("input");
  link.select();
  await (navigator.clipboard?.writeText(link.value) ?? document.execCommand("copy"));
  currentTarget.textContent = say("copied");
}

/** What to change, so that the images of this study can be shown pixel by pixel; "" where nothing is. */
function advice() {
  const window = view();
  if (window.pinched) return say("zoom_out");
  const { fits, needs, scale } = plan(window, trial, PARTS);
  if (!fits) return larger(needs, window);
  return (scale * trial.left.width) / window.ratio < TINY ? say("tiny") : "";
}

function larger(needs, window) {
  const width = Math.ceil((needs.width - window.width) / window.ratio);
  const height = Math.ceil((needs.height - window.height) / window.ratio);
  if (touched) return say(turned(needs, window) ? "turn" : "computer");
  if (width > 0 && height > 0) return say("wider_and_higher", { width, height });
  return width > 0 ? say("wider", { width }) : say("higher", { height });
}

const turned = (needs, { width, height }) => height >= needs.width && width >= needs.height;

/** Whether no way of holding this device has room for the images; its window is as large as it gets. */
function hopeless() {
  const window = view();
  const { fits, needs } = plan(window, trial, PARTS);
  return touched && !window.pinched && !fits && !turned(needs, window);
}

function check() {
  const away = elsewhere !== null && hopeless();
  if (elsewhere) sendElsewhere(away);
  const words = away ? "" : advice();
  if (notice.textContent !== words) notice.textContent = words;
  notice.hidden = words === "";
}

tell();
elsewhere?.querySelector("button").addEventListener("click", copyLink);
if (elsewhere && !phones && touched && Math.min(screen.width, screen.height) < SHORT_SIDE) {
  sendElsewhere(true);
} else if (trial.left.width > 0) {
  check();
  watch(check);
}
