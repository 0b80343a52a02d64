// Which face has its turn: A, B, the original, or both candidates; by the participant, and by the clock of a flicker.

import { clocked, faces, inPlace, inView } from "./layouts.js";

const BY_KEY = { ArrowLeft: "left", ArrowRight: "right" };

export class Faces {
  /**
   * `changed(canvases, at, byClock)` is told what came into view, in the frame in which it does; `byClock` is null where
   * no image changed. `watched` says whether anybody can see the images: the clock waits until then.
   */
  constructor(changed, watched) {
    this.changed = changed;
    this.watched = watched;
    this.on = false;
    this.frame = 0;
  }

  /** A trial begins with its first face, the original on demand hidden, and the clock stopped. */
  begin(trial) {
    this.stop();
    this.on = true;
    this.trial = trial;
    this.turns = faces(trial);
    this.face = this.before = this.turns[0];
    this.asked = false;
  }

  /** Nothing changes any more, until the next trial begins. */
  end() {
    this.stop();
    this.on = false;
  }

  get inView() {
    return inView(this.trial, this.face, this.asked);
  }

  get running() {
    return this.frame !== 0;
  }

  /** Lets the images of a flicker take turns; `at` is the frame's time. */
  run(at) {
    this.due = at + this.trial.flicker_ms;
    this.frame = requestAnimationFrame((now) => this.#tick(now));
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  /** Shows one face and stops the clock there. */
  show(face) {
    if (!this.on) return;
    this.stop();
    this.#turn(face, performance.now(), false);
  }

  /** The original, where it takes its turn, and back. */
  original() {
    this.show(this.face === "reference" ? this.before : "reference");
  }

  /** The other candidate; from the original, the other one than was seen before it. */
  flip() {
    const candidate = this.face === "reference" ? this.before : this.face;
    this.show(candidate === "left" ? "right" : "left");
  }

  /** A tap on the images. */
  tap() {
    if (this.on && inPlace(this.trial)) this.flip();
  }

  /** The original on demand comes into view or goes. */
  ask(asked) {
    if (!this.on || asked === this.asked) return;
    this.asked = asked;
    this.changed(this.inView, performance.now(), false);
  }

  /** Stops the clock, or lets it go on. */
  toggle() {
    if (!this.on) return;
    if (this.running) this.stop();
    else this.run(performance.now());
    this.changed(this.inView, performance.now(), null);
  }

  keydown({ key, repeat }) {
    const act = this.on && this.#act(key);
    if (act && !repeat) act();
    return Boolean(act);
  }

  #act(key) {
    const place = inPlace(this.trial);
    if (place && key in BY_KEY) return () => this.show(BY_KEY[key]);
    const original = ["r", "R", "ArrowUp"].includes(key);
    if (original && this.turns.includes("reference")) return () => this.original();
    if (clocked(this.trial)) return ["f", "F", " "].includes(key) ? () => this.toggle() : null;
    return place && ["f", "F"].includes(key) ? () => this.flip() : null;
  }

  #tick(now) {
    if (!this.watched()) this.due = now + this.trial.flicker_ms;
    if (now >= this.due) {
      const next = this.turns[(this.turns.indexOf(this.face) + 1) % this.turns.length];
      // The turns keep their length over many frames, but a page that was away does not catch up.
      this.due = now - this.due < this.trial.flicker_ms ? this.due + this.trial.flicker_ms : now + this.trial.flicker_ms;
      this.#turn(next, now, true);
    }
    this.frame = requestAnimationFrame((then) => this.#tick(then));
  }

  #turn(face, at, byClock) {
    const same = face === this.face;
    if (this.face !== "reference") this.before = this.face;
    this.face = face;
    this.changed(this.inView, at, same ? null : byClock);
  }
}
