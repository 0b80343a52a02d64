// What the page says while trials run: progress, hints, feedback, and what hinders.

import { minutes, say } from "./words.js";

const element = (id) => document.getElementById(id);

export class Notices {
  constructor() {
    this.speakers = { door: "", images: "", saving: "" };
    this.reason = "";
    this.lasting = "";
    this.locked = "";
  }

  /** "23 of 60, about 5 minutes". */
  progress({ done, of, seconds_left: seconds }, practice) {
    element("progress").max = of;
    element("progress").value = done;
    const words = practice ? say("practice") : say("progress", { done, of, time: minutes(seconds) });
    element("count").textContent = words;
    this.announce(words);
  }

  /** A few words in the foot; "" takes that speaker's words away. The one who is worst off speaks first. */
  tell(speaker, words) {
    this.speakers[speaker] = words;
    element("status").textContent = this.speakers.door || this.speakers.images || this.speakers.saving;
  }

  /** Why a press did not count. */
  refuse(words) {
    this.reason = words;
    this.#hint();
  }

  /** Why none counts yet, said from the beginning; "" where one does. */
  lock(words) {
    if (words === this.locked) return;
    this.locked = words;
    if (this.reason) this.reason = words; // whoever pressed too early hears what is still missing
    this.#hint();
  }

  /** What is said throughout a trial. */
  note(words) {
    this.lasting = words;
    this.reason = this.locked = "";
    this.#hint();
  }

  #hint() {
    const words = this.reason || this.lasting || this.locked;
    if (element("hint").textContent !== words) element("hint").textContent = words;
  }

  /** For those who hear the page: that another pair is there, and what a flip brought into view. */
  announce(words) {
    element("heard").textContent = words;
  }

  /** Offers to change the last answer, or, where that is open, to leave it as it was. */
  offer({ change, leave }) {
    element("undo").classList.toggle("offered", change || leave);
    for (const [which, shown] of [["change", change && !leave], ["leave", leave]]) element(which).hidden = !shown;
  }

  /** After practice: the known answer in words and a mark; resolves when the participant goes on. */
  async feedback({ correct, expected, again }) {
    const words = say(correct ? "right_answer" : "wrong_answer", { expected });
    element("feedback").firstElementChild.textContent = again ? `${words} ${say("again")}` : words;
    const before = document.activeElement;
    show("feedback");
    element("go-on").focus({ preventScroll: true });
    await new Promise((resolve) => element("go-on").addEventListener("click", resolve, { once: true }));
    show("choices");
    before.focus({ preventScroll: true });
  }

  /**
   * Says what to change where the images do not fit; null shows them again. `lack` is {needs, view, fitsZoomedOut}, all
   * lengths in device pixels.
   */
  misfit(lack) {
    element("misfit").hidden = lack === null;
    element("trial").classList.toggle("misfit", lack !== null);
    if (lack !== null) element("misfit").querySelector("p").textContent = remedy(lack);
  }
}

function show(which) {
  element("choices").hidden = which !== "choices";
  element("feedback").hidden = which !== "feedback";
}

/** What is missing, and what to do about it: the window of a screen that is touched does not grow. */
function remedy({ needs, view, fitsZoomedOut }) {
  if (view.pinched) return say("zoom_out");
  const turned = view.height >= needs.width && view.width >= needs.height;
  if (matchMedia("(pointer: coarse)").matches) return say(turned ? "turn" : "computer");
  return fitsZoomedOut ? `${enlarge(needs, view)} ${say("smaller_words")}` : enlarge(needs, view);
}

/** By how many CSS px the window is to grow. */
function enlarge(needs, view) {
  const width = Math.ceil((needs.width - view.width) / view.ratio);
  const height = Math.ceil((needs.height - view.height) / view.ratio);
  if (width > 0 && height > 0) return say("wider_and_higher", { width, height });
  return width > 0 ? say("wider", { width }) : say("higher", { height });
}
