// The images on the page: drawn before they are wanted, shown together in one frame, kept on whole device pixels, and
// out of view while they do not fit. A change of the view changes visibility alone.

import { Geometry } from "./geometry.js";
import { corner, imageOf, plan } from "./layouts.js";
import { draw, exact, place, view, watch } from "./pixels.js";

const LESS = 1.5; // by how much one may well zoom out
const frame = () => new Promise(requestAnimationFrame);

export class Stage {
  constructor(page, notices, loupe) {
    this.page = page;
    this.notices = notices;
    this.loupe = loupe;
    this.trial = null;
    this.seen = false; // whether the pair was in view when last told
    this.onView = () => {};
    watch(() => this.arrange());
    document.addEventListener("visibilitychange", () => this.#tell());
  }

  /** Whether the pair can be seen: the window is large enough and the page not hidden. */
  get inView() {
    return Boolean(this.layout?.fits) && !this.window.pinched && !document.hidden;
  }

  /**
   * Draws a trial's decoded images and shows `canvases`, in the same frame; resolves with the time it was on the screen.
   * `running`: whether the clock will change what is in view; `geometry`: what is known of a trial that was open before.
   */
  async show(trial, pictures, canvases, { running, geometry }) {
    await frame(); // a hidden page draws no frames: nothing is shown, and no time runs, until someone can see it
    this.trial = trial;
    this.pictures = pictures;
    this.geometry = geometry;
    this.draw();
    this.page.equip(trial);
    this.look(canvases, running);
    this.arrange();
    this.page.mark(trial.correcting?.choice ?? null);
    let painted; // the frame after the one that painted begins when that one reaches the screen
    do painted = await frame();
    while (!this.inView);
    return painted;
  }

  /** Draws the images once more, with lines around the crop, where it lies in a larger window, and around `frames`. */
  draw(frames = []) {
    const lines = this.trial.outline ? [this.trial.outline, ...frames] : frames;
    for (const [name, canvas] of this.#canvases()) draw(canvas, this.pictures[imageOf(name)].bitmap, lines);
  }

  /** Brings these canvases into view, and no others; `running`: whether the clock will change that. */
  look(canvases, running) {
    for (const [name, canvas] of Object.entries(this.page.canvases)) {
      canvas.classList.toggle("shown", canvases.includes(name));
    }
    this.page.face(this.trial, canvases, running);
  }

  /** Puts everything where it belongs in the window as it is now. */
  arrange() {
    if (!this.trial) return;
    this.window = view();
    this.layout = plan(this.window, this.trial, this.page.parts);
    for (const [name, canvas] of this.#canvases()) {
      place(canvas, this.#corner(name), this.layout.scale, this.window.ratio, this.#lens(name));
    }
    this.page.furnish(this.trial, this.layout, this.window);
    this.notices.misfit(this.layout.fits && !this.window.pinched ? null : this.#misfit());
    this.#note();
    this.#tell();
  }

  /** Where a pointer is on the images: the image pixel, and the part of the image's place; null beside them. */
  locate({ target, clientX, clientY }) {
    const name = this.trial && this.#canvases().find(([, canvas]) => canvas === target)?.[0];
    if (!name) return null;
    const { ratio } = this.window;
    const { x, y } = this.#corner(name);
    const lens = this.#lens(name);
    const side = this.layout.scale * lens.zoom;
    const [right, down] = [clientX * ratio - x, clientY * ratio - y];
    return {
      pixel: { x: lens.x + right / side, y: lens.y + down / side },
      part: { x: right / (lens.width * side), y: down / (lens.height * side) },
    };
  }

  /** The vote's geometry: device pixels of the viewport, but for the viewport itself (CSS pixels). */
  report() {
    const { ratio } = this.window;
    const { scale } = this.layout;
    const [left, right] = [this.#corner("left"), this.#corner("right")];
    this.#note();
    return {
      viewport_width: document.documentElement.clientWidth,
      viewport_height: document.documentElement.clientHeight,
      device_pixel_ratio: ratio,
      device_pixels_per_pixel: scale,
      pixel_exact: this.geometry.exact,
      geometry_changes: this.geometry.changes,
      left_x: left.x,
      left_y: left.y,
      right_x: right.x,
      right_y: right.y,
    };
  }

  /** The canvases that this trial uses. */
  #canvases() {
    return Object.entries(this.page.canvases).filter(([name]) => this.trial[imageOf(name)]);
  }

  #corner(name) {
    return corner(this.layout, name, this.trial[imageOf(name)]);
  }

  #lens(name) {
    return this.loupe.lens(this.trial[imageOf(name)]);
  }

  /** Why the images do not fit: what they need, the window, and whether they would fit where it is zoomed out. */
  #misfit() {
    const zoomedOut = { ...this.window, ratio: this.window.ratio / LESS };
    const { fits } = plan(zoomedOut, this.trial, this.page.parts);
    return { needs: this.layout.needs, view: this.window, fitsZoomedOut: fits };
  }

  /** What the trial's geometry is now, by the window itself; images that are not in view are not inexact. */
  #note() {
    const window = view();
    const { scale } = this.layout;
    const placed = ([name, canvas]) => exact(canvas, this.#corner(name), scale, window.ratio, this.#lens(name));
    this.geometry.note(window, scale, !this.inView || this.#canvases().every(placed));
  }

  #tell() {
    if (this.inView === this.seen) return;
    this.seen = this.inView;
    this.onView(this.seen);
  }
}
