// The images on the page: drawn together in one frame, kept on whole device pixels, out of view while they do not fit.

import { corner, draw, exact, place, plan, view, watch } from "./pixels.js";

const frame = () => new Promise(requestAnimationFrame);

export class Stage {
  constructor(page) {
    this.page = page;
    this.trial = null;
    this.seen = false; // whether the pair was in view when last told
    this.onView = () => {};
    watch(() => this.#arrange());
    document.addEventListener("visibilitychange", () => this.#tell());
  }

  /** Whether the pair can be seen: the window is large enough and the page not hidden. */
  get inView() {
    return Boolean(this.layout?.fits) && !this.window.pinched && !document.hidden;
  }

  /** Shows a trial's decoded images, all in the same frame; resolves with the time at which it was on the screen. */
  async show(trial, pictures) {
    await frame(); // a hidden page draws no frames: nothing is shown, and no time runs, until someone can see it
    this.trial = trial;
    for (const [side, canvas] of Object.entries(this.page.canvases)) {
      if (canvas && pictures[side]) draw(canvas, pictures[side].bitmap);
    }
    this.page.mark(null);
    this.reference(trial.reference_mode === "always");
    this.#arrange();
    for (const side of ["left", "right"]) this.page.canvases[side].classList.add("shown");
    let painted; // the frame after the one that painted begins when that one reaches the screen
    do painted = await frame();
    while (!this.inView);
    return painted;
  }

  /** Shows or hides the reference. */
  reference(shown) {
    this.page.canvases.reference?.classList.toggle("shown", shown);
  }

  /** The vote's geometry: device pixels of the viewport, but for the viewport itself (CSS pixels). */
  report() {
    const { ratio, pinched } = this.window;
    const { scale } = this.layout;
    const [left, right] = [this.#corner("left"), this.#corner("right")];
    const inPlace = this.#sides().every(([side, canvas]) => exact(canvas, this.#corner(side), scale, ratio));
    return {
      viewport_width: document.documentElement.clientWidth,
      viewport_height: document.documentElement.clientHeight,
      device_pixel_ratio: ratio,
      device_pixels_per_pixel: scale,
      pixel_exact: !pinched && inPlace,
      left_x: left.x,
      left_y: left.y,
      right_x: right.x,
      right_y: right.y,
    };
  }

  #sides() {
    return Object.entries(this.page.canvases).filter(([side, canvas]) => canvas && this.trial[side]);
  }

  #corner(side) {
    return corner(this.layout, side, this.trial[side]);
  }

  #arrange() {
    if (!this.trial) return;
    this.window = view();
    this.layout = plan(this.window, this.trial, this.page.parts);
    for (const [side, canvas] of this.#sides()) {
      place(canvas, this.#corner(side), this.layout.scale, this.window.ratio);
    }
    this.page.furnish(this.layout, this.window.ratio);
    this.page.misfit(this.layout.fits && !this.window.pinched ? null : this.layout, this.window);
    this.#tell();
  }

  #tell() {
    if (this.inView === this.seen) return;
    this.seen = this.inView;
    this.onView(this.seen);
  }
}
