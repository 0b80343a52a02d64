// The trial page: one turn after the other until the server says that another step is open.

import { Answers } from "./answers.js";
import { Door } from "./door.js";
import { Faces } from "./faces.js";
import { Images, bytesVerified } from "./images.js";
import { listen as listenToKeys } from "./keys.js";
import { clocked, inPlace, opening, required } from "./layouts.js";
import { Loupe } from "./loupe.js";
import { Notices } from "./notices.js";
import { Page } from "./page.js";
import { Peek } from "./peek.js";
import { listen as listenToPointer } from "./pointer.js";
import { Region } from "./region.js";
import { Showing } from "./showing.js";
import { Stage } from "./stage.js";
import { Walk } from "./walk.js";
import { list, say } from "./words.js";

const QUIET = 400; // ms in which saving needs no word
const POLL = 50; // ms between two looks whether a choice counts now

const page = new Page();
const notices = new Notices();
const address = page.main.dataset.address;
const token = document.querySelector("meta[name=csrf-token]").content;
const door = new Door(address, token, (words) => notices.tell("door", words));
const images = new Images((words) => notices.tell("images", words));
const walk = new Walk(door, heard);
const loupe = new Loupe(() => (stage.arrange(), page.magnify(loupe.zoom)));
const stage = new Stage(page, notices, loupe);
const region = new Region(() => (stage.draw(region.frames), page.marking(region.marking)));
const faces = new Faces(look, () => stage.inView);
const peek = new Peek(page.tools["show-reference"], (shown) => faces.ask(shown));
const answers = new Answers(page.buttons, (reason) => notices.hint(reason));

let showing = null; // the pair that is in view, or null
let unlocking = 0;

async function run() {
  await walk.begin();
  let note = "";
  while (walk.trial) note = await turn(walk.trial, note);
  location.replace(address);
}

/** One trial: decoded, shown, chosen; its vote travels while the next one is shown. Answers what to say beside that. */
async function turn(trial, note) {
  const pictures = await images.of(trial);
  loupe.begin(false);
  const canvases = opening(trial);
  const painted = await stage.show(trial, pictures, canvases);
  showing = new Showing(painted, { canvases, required: required(trial), minimumView: trial.minimum_view_ms });
  handOver(trial, painted);
  notices.progress(walk.progress, trial.practice);
  notices.note(trial.correcting ? say("answered", { choice: named(trial, trial.correcting.choice) }) : note);
  offerUndo();
  unlock();
  const pressed = await answers.next(barrier, { arrows: !inPlace(trial) });
  const circumstances = pressed && { ...showing.report(pressed.at), zoomed: loupe.used, ...stage.report(), ...region.report() };
  takeBack();
  if (!pressed) return revise(trial);
  const vote = { trial: trial.id, key: trial.key, choice: pressed.choice, ...circumstances };
  await save(trial, { ...vote, bytes_verified: bytesVerified(Object.values(pictures)) });
  return "";
}

/** From now on the participant's hands work, and their time counts. */
function handOver(trial, painted) {
  faces.begin(trial);
  if (trial.reference_mode === "on_demand") peek.begin(clocked(trial) ? ["r", "R", "ArrowUp"] : ["r", "R", "ArrowUp", " "]);
  loupe.begin(trial.loupe);
  page.magnify(1);
  const whole = { x: 0, y: 0, width: trial.left.width, height: trial.left.height };
  region.begin(trial.mark_region ? (trial.outline ?? whole) : null);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (clocked(trial) && !calm) faces.run(painted);
  page.pressed(faces.inView, faces.running);
}

/** What a hand does between two trials changes nothing. */
function takeBack() {
  showing = null;
  peek.end();
  faces.end();
  loupe.on = false;
  region.begin(null);
  clearTimeout(unlocking);
  answers.lock(true);
  notices.note("");
}

async function save(trial, vote) {
  page.mark(vote.choice);
  const feedback = await patiently(walk.cast(vote));
  images.ahead(walk.ahead);
  if (!feedback) return;
  faces.on = true; // while the feedback is read, the images may be looked at once more
  peek.on = trial.reference_mode === "on_demand";
  await notices.feedback({ ...feedback, expected: named(trial, feedback.expected) });
  takeBack();
}

/** Back to the last answer, or from there to the open trial. Answers what to say beside the trial that comes now. */
async function revise(trial) {
  if (trial.correcting) return walk.forth(), "";
  return (await patiently(walk.back())) ? "" : say("too_late");
}

/** Says that something takes long where it does. */
async function patiently(promise) {
  const slow = setTimeout(() => notices.tell("saving", say("saving")), QUIET);
  const result = await promise;
  clearTimeout(slow);
  notices.tell("saving", "");
  return result;
}

/** The server has said something: more trials may be known, and the last answer open to a change. */
function heard() {
  images.ahead(walk.ahead);
  if (showing) offerUndo();
}

function offerUndo() {
  notices.offer({ change: walk.undo, leave: Boolean(walk.trial.correcting) });
}

/** Other images are in view; `byClock` is null where none of them changed. */
function look(canvases, at, byClock) {
  stage.look(canvases);
  page.pressed(canvases, faces.running);
  if (byClock === null) return;
  showing?.look(canvases, at);
  if (!byClock) notices.announce(list(page.captions.map((caption) => caption.textContent)));
}

/** Why no choice counts at this moment; "" where one does. */
function barrier() {
  if (!stage.inView) return say("not_in_view");
  const missing = showing.missing(performance.now());
  if (missing.length === 0) return "";
  const { trial } = walk;
  return inPlace(trial) ? say("look_at", { images: list(missing.map((image) => named(trial, image))) }) : say("look_first");
}

/** Opens the choices as soon as the images have been in view long enough. */
function unlock() {
  const locked = barrier() !== "";
  answers.lock(locked);
  if (locked) unlocking = setTimeout(unlock, POLL);
  else notices.hint("");
}

/** "left", "A" or "the original", as the trial's page calls it. */
function named(trial, image) {
  const names = { ...(inPlace(trial) ? { left: "a", right: "b" } : {}), reference: "the_original" };
  return say(names[image] ?? image);
}

function undo({ key, repeat }) {
  const { trial } = walk;
  const asked = ["u", "U", "Backspace"].includes(key) || (key === "Escape" && trial?.correcting);
  if (asked && !repeat && (walk.undo || trial?.correcting)) answers.cancel();
  return Boolean(asked);
}

stage.onView = (visible) => showing?.inView(visible, performance.now());
listenToKeys([
  (event) => region.keydown(event),
  (event) => loupe.keydown(event),
  undo,
  (event) => peek.keydown(event),
  (event) => faces.keydown(event),
  (event) => answers.keydown(event),
]);
listenToPointer(page.images, { stage, loupe, region, tap: () => faces.tap() });
page.onPress({
  "show-left": () => faces.show("left"),
  "show-right": () => faces.show("right"),
  "show-reference": () => peek.on || faces.original(),
  run: () => faces.toggle(),
  magnify: () => loupe.cycle(),
  "mark-region": () => region.toggle(),
  undo: () => answers.cancel(),
});
// A page taken out of the browser's memory (back, forward) shows a past state: ask the server again.
addEventListener("pageshow", (event) => event.persisted && location.reload());
run();
