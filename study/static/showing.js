// One showing of a pair: what was in view, for how long. Times are milliseconds of the browser's monotonic clock.

export class Showing {
  /** `now` is the frame in which the pair was painted. */
  constructor(now, { referenceShown, minimumView }) {
    this.start = now;
    this.minimumView = minimumView;
    this.away = new Stopwatch();
    this.reference = new Stopwatch();
    this.changes = 0;
    if (referenceShown) this.reference.run(now);
  }

  /** Tells that the pair came into view or went out of it (page hidden, window too small). */
  inView(visible, now) {
    if (visible) this.away.stop(now);
    else this.away.run(now);
  }

  /** Tells that the reference was shown or hidden on demand. */
  showReference(shown, now) {
    this.changes += 1;
    if (shown) this.reference.run(now);
    else this.reference.stop(now);
  }

  /** How much longer the pair must be in view before a choice is accepted. */
  remaining(now) {
    return Math.max(0, this.minimumView - (now - this.start - this.away.total(now)));
  }

  /** The vote's times, whole milliseconds. Both candidates are in view whenever the page is. */
  report(now) {
    const response = now - this.start;
    const hidden = this.away.total(now);
    const whole = (milliseconds) => Math.max(0, Math.round(milliseconds));
    return {
      response_ms: whole(response),
      hidden_ms: whole(hidden),
      left_ms: whole(response - hidden),
      right_ms: whole(response - hidden),
      reference_ms: whole(Math.min(this.reference.total(now), response - hidden)),
      flips: this.changes,
    };
  }
}

class Stopwatch {
  constructor() {
    this.sum = 0;
    this.since = null;
  }

  run(now) {
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
