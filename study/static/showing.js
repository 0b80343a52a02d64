// One showing of a pair: what was in view, for how long. Times are milliseconds of the browser's monotonic clock.

import { imageOf } from "./layouts.js";

export class Showing {
  /**
   * `now` is the frame in which the pair was painted, `canvases` what it painted. Every image of `required` must come
   * into view, and the candidates stay there for `minimumView`, before a choice is accepted.
   */
  constructor(now, { canvases, required, minimumView }) {
    this.start = now;
    this.required = required;
    this.minimumView = minimumView;
    this.away = new Stopwatch();
    this.seen = { left: new Stopwatch(), right: new Stopwatch(), reference: new Stopwatch() };
    this.changes = 0;
    this.visible = true;
    this.#look(canvases, now);
  }

  /** Tells that the pair came into view or went out of it (page hidden, window too small). */
  inView(visible, now) {
    this.visible = visible;
    if (visible) this.away.stop(now);
    else this.away.run(now);
    this.#run(now);
  }

  /** Tells that the pair is in view again, from its beginning, after another one was in its place. */
  resume(canvases, visible, now) {
    this.#look(canvases, now);
    this.inView(visible, now);
  }

  /** Tells that other canvases are in view now: a flip. */
  look(canvases, now) {
    this.changes += 1;
    this.#look(canvases, now);
  }

  /** The images that must be looked at before a choice is accepted: those `unseen`, and those that were seen too `briefly`. */
  missing(now) {
    const unseen = this.required.filter((image) => !this.seen[image].started);
    const briefly = this.required.filter(
      (image) => image !== "reference" && this.seen[image].started && this.seen[image].total(now) < this.minimumView,
    );
    return { unseen, briefly };
  }

  /** The vote's times, whole milliseconds. */
  report(now) {
    const whole = (milliseconds) => Math.max(0, Math.round(milliseconds));
    return {
      response_ms: whole(now - this.start),
      hidden_ms: whole(this.away.total(now)),
      left_ms: whole(this.seen.left.total(now)),
      right_ms: whole(this.seen.right.total(now)),
      reference_ms: whole(this.seen.reference.total(now)),
      flips: this.changes,
    };
  }

  #look(canvases, now) {
    this.images = new Set(canvases.map(imageOf));
    this.#run(now);
  }

  #run(now) {
    for (const [image, watch] of Object.entries(this.seen)) {
      if (this.visible && this.images.has(image)) watch.run(now);
      else watch.stop(now);
    }
  }
}

class Stopwatch {
  constructor() {
    this.sum = 0;
    this.since = null;
    this.started = false;
  }

  run(now) {
    this.started = true;
    this.since ??= now;
  }

  stop(now) {
    this.sum = this.total(now);
    this.since = null;
  }

  total(now) {
    return this.sum + (this.since === null ? 0 : now - this.since);
  }
}
