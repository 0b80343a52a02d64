// What became of one trial's geometry while it was open: how often it changed, and whether all of it was exact.

export class Geometry {
  constructor() {
    this.last = null;
    this.changes = 0;
    this.exact = true;
  }

  /** Holds the window as it is now against the window before; `exact`: whether every image in view lies as planned. */
  note(window, scale, exact) {
    const { clientWidth, clientHeight } = document.documentElement;
    const now = [clientWidth, clientHeight, window.ratio, window.pinch, scale].join();
    if (this.last !== null && this.last !== now) this.changes += 1;
    this.last = now;
    this.exact &&= exact;
  }
}
