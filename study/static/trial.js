// The trial page: one turn after the other until the server says that another step is open.

import { Answers } from "./answers.js";
import { Door } from "./door.js";
import { Images, bytesVerified } from "./images.js";
import { Page } from "./page.js";
import { Stage } from "./stage.js";
import { Showing } from "./showing.js";
import { Walk } from "./walk.js";

const QUIET = 400; // ms in which saving needs no word

const page = new Page();
const address = page.main.dataset.address;
const token = document.querySelector("meta[name=csrf-token]").content;
const door = new Door(address, token, (words) => page.say("door", words));
const images = new Images((words) => page.say("images", words));
const stage = new Stage(page);
const answers = new Answers(page.buttons, page.original, (reason) => page.hint(reason));

const walk = new Walk(door, () => images.ahead(walk.ahead));

let showing = null; // the pair that is in view, or null
let unlocking = 0;

async function run() {
  await walk.begin();
  while (walk.trial) await turn(walk.trial);
  location.replace(address);
}

/** One trial: decoded, shown, chosen; its vote travels while the next one is shown. */
async function turn(trial) {
  const pictures = await images.of(trial);
  answers.peek?.begin(); // no reference comes into view before its time is counted
  const painted = await stage.show(trial, pictures);
  page.progress(walk.progress, trial.practice);
  const referenceShown = trial.reference_mode === "always";
  showing = new Showing(painted, { referenceShown, minimumView: trial.minimum_view_ms });
  answers.peek?.begin((shown) => (stage.reference(shown), showing?.showReference(shown, performance.now())));
  unlock();
  const { choice, at } = await answers.next(barrier);
  const vote = { trial: trial.id, key: trial.key, choice, ...showing.report(at), zoomed: false, ...stage.report() };
  return save({ ...vote, bytes_verified: bytesVerified(Object.values(pictures)) });
}

async function save(vote) {
  showing = null;
  lock();
  page.mark(vote.choice);
  const slow = setTimeout(() => page.say("saving", "Saving."), QUIET);
  const feedback = await walk.cast(vote);
  clearTimeout(slow);
  page.say("saving", "");
  images.ahead(walk.ahead);
  if (feedback) await page.feedback(feedback);
}

/** Why no choice counts at this moment; "" where one does. */
function barrier() {
  if (!stage.inView) return "The images are not in view.";
  return showing.remaining(performance.now()) > 0 ? "Look at both images first." : "";
}

function lock() {
  clearTimeout(unlocking);
  answers.lock(true);
  page.hint("");
}

/** Opens the choices as soon as the pair has been in view long enough. */
function unlock() {
  lock();
  const rest = showing.remaining(performance.now());
  if (rest > 0 || !stage.inView) unlocking = setTimeout(unlock, Math.max(rest, 50));
  else answers.lock(false);
}

stage.onView = (visible) => showing?.inView(visible, performance.now());
// A page taken out of the browser's memory (back, forward) shows a past state: ask the server again.
addEventListener("pageshow", (event) => event.persisted && location.reload());
run();
