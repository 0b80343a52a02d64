// The trial page: one turn after the other until the server says that another step is open.

import { Answers } from "./answers.js";
import { Door } from "./door.js";
import { Faces } from "./faces.js";
import { Geometry } from "./geometry.js";
import { Images, bytesVerified } from "./images.js";
import { listen as listenToKeys } from "./keys.js";
import { clocked, inPlace, opening, required } from "./layouts.js";
import { Loupe } from "./loupe.js";
import { Notices } from "./notices.js";
import { Page } from "./page.js";
import { Peek } from "./peek.js";
import { listen as listenToPointer } from "./pointer.js";
import { Region } from "./region.js";
import { singleKeys } from "./shortcuts.js";
import { Showing } from "./showing.js";
import { Stage } from "./stage.js";
import { Walk } from "./walk.js";
import { list, say } from "./words.js";

const QUIET = 400; // ms in which saving needs no word
const POLL = 50; // ms between two looks whether a choice counts now

const page = new Page();
const notices = new Notices();
const { address, whose } = page.main.dataset;
const token = document.querySelector("meta[name=csrf-token]").content;
const door = new Door(address, whose, token, (words) => notices.tell("door", words));
const images = new Images((words) => notices.tell("images", words));
const walk = new Walk(door, heard);
const loupe = new Loupe(() => (stage.arrange(), page.magnify(loupe.zoom)));
const stage = new Stage(page, notices, loupe);
const region = new Region(() => (stage.draw(region.frames), page.marking(region.marking, region.isMarked)));
const faces = new Faces(look, () => stage.inView);
const peek = new Peek(page.tools["show-reference"], (shown) => faces.ask(shown));
const answers = new Answers(page.buttons, (reason) => notices.refuse(reason));

let showing = null; // the pair that is in view, or null
let aside = null; // the open trial while the last answer is open to a change: {id, showing, geometry, zoomed, rectangle}
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
  const before = aside?.id === trial.id ? aside : null;
  if (before) aside = null;
  const running = clocked(trial) && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  const painted = await stage.show(trial, pictures, canvases, { running, geometry: before?.geometry ?? new Geometry() });
  showing = before?.showing ?? new Showing(painted, { canvases, required: required(trial), minimumView: trial.minimum_view_ms });
  if (before) showing.resume(canvases, stage.inView, painted);
  handOver(trial, painted, { running, before });
  notices.progress(walk.progress, trial.practice);
  notices.note(trial.correcting ? say("answered", { choice: named(trial, trial.correcting.choice) }) : note);
  offerUndo();
  unlock();
  const pressed = await answers.next(barrier, { arrows: !inPlace(trial) });
  const circumstances = pressed && { ...showing.report(pressed.at), zoomed: loupe.used, ...stage.report(), ...region.report() };
  if (!pressed && !trial.correcting) putAside(trial);
  takeBack();
  if (!pressed) return revise(trial);
  const vote = { trial: trial.id, key: trial.key, choice: pressed.choice, ...circumstances };
  await save(trial, { ...vote, bytes_verified: bytesVerified(Object.values(pictures)) });
  return "";
}

/** While another pair is in its place, the open one's time is time out of view. */
function putAside({ id }) {
  showing.inView(false, performance.now());
  aside = { id, showing, geometry: stage.geometry, zoomed: loupe.used, rectangle: region.marked };
}

/** From now on the participant's hands work, and their time counts. */
function handOver(trial, painted, { running, before }) {
  faces.begin(trial);
  if (trial.reference_mode === "on_demand") peek.begin(clocked(trial) ? ["r", "R", "ArrowUp"] : ["r", "R", "ArrowUp", " "]);
  loupe.begin(trial.loupe, before?.zoomed);
  page.magnify(1);
  const whole = { x: 0, y: 0, width: trial.left.width, height: trial.left.height };
  region.begin(trial.mark_region ? (trial.outline ?? whole) : null, before?.rectangle);
  page.marking(false, region.isMarked);
  if (running) faces.run(painted);
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
  stage.look(canvases, faces.running);
  page.pressed(canvases, faces.running);
  if (byClock === null) return;
  showing?.look(canvases, at);
  if (!byClock) notices.announce(page.told(stage.trial, canvases));
}

/** Why no choice counts at this moment; "" where one does. */
function barrier() {
  if (!stage.inView) return say("not_in_view");
  const { unseen, briefly } = showing.missing(performance.now());
  const { trial } = walk;
  const told = (images) => ({ images: list(images.map((image) => named(trial, image))) });
  // Where both candidates are in view together, or come by themselves, one sentence stands for both.
  const together = !inPlace(trial) || faces.running;
  const candidates = [...unseen, ...briefly].some((image) => image !== "reference");
  if (together && candidates) return say("look_first");
  if (unseen.length > 0) return say("look_at", told(unseen));
  return briefly.length > 0 ? say("look_longer", told(briefly)) : "";
}

/** Opens the choices as soon as the images have been in view long enough. */
function unlock() {
  const reason = barrier();
  answers.lock(reason !== "");
  notices.lock(reason);
  if (reason) unlocking = setTimeout(unlock, POLL);
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

/** Whether a key acts: without single keys only those that every page knows, and arrows for what no button moves. */
function counts({ key, shiftKey }) {
  const moves = region.marking || (shiftKey && loupe.on);
  return singleKeys() || ["Enter", " ", "Escape"].includes(key) || (moves && key.startsWith("Arrow"));
}

stage.onView = (visible) => showing?.inView(visible, performance.now());
listenToKeys([
  (event) => region.keydown(event),
  (event) => loupe.keydown(event),
  undo,
  (event) => peek.keydown(event),
  (event) => faces.keydown(event),
  (event) => answers.keydown(event),
], counts);
if (!singleKeys()) page.hideKeys();
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
