// The loupe: the same part of every image, 2 and 4 times larger. It moves with the pointer, or with Shift and arrows.

const ZOOMS = [1, 2, 4];
const STEP = 1 / 8; // of what is in view
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Loupe {
  /** `changed` is called when another part of the images is to be shown. */
  constructor(changed) {
    this.changed = changed;
    this.begin(false);
  }

  /** A trial begins without magnification; `on`: whether it is allowed, `used`: whether it was used in it before. */
  begin(on, used = false) {
    this.on = on;
    this.zoom = 1;
    this.used = used;
    this.centre = { x: 0.5, y: 0.5 }; // as parts of the image
  }

  /**
   * The part of an image in view: it fills the image's place, so that a side that `zoom` does not divide ends within a
   * pixel, on a whole device pixel. It begins at a whole image pixel, except where it ends with the image.
   */
  lens({ width, height }) {
    const [wide, high] = [width / this.zoom, height / this.zoom];
    const [x, y] = [begin(this.centre.x, width - wide), begin(this.centre.y, height - high)];
    return { x, y, width: wide, height: high, zoom: this.zoom };
  }

  /** Once, twice, four times, once. */
  cycle() {
    if (!this.on) return;
    this.zoom = ZOOMS[(ZOOMS.indexOf(this.zoom) + 1) % ZOOMS.length];
    this.used ||= this.zoom > 1;
    this.changed();
  }

  /** Moves to a place given as parts of the image's width and height: its corner shows the corner. */
  point({ x, y }) {
    if (!this.on || this.zoom === 1) return;
    const within = (part) => Math.min(1, Math.max(0, part));
    this.centre = { x: within(x), y: within(y) };
    this.changed();
  }

  keydown({ key, shiftKey, repeat }) {
    if (!this.on) return false;
    if (shiftKey && key in ARROWS) {
      const step = STEP / (this.zoom - 1 || 1);
      const [right, down] = ARROWS[key];
      this.point({ x: this.centre.x + right * step, y: this.centre.y + down * step });
      return true;
    }
    if (key !== "z" && key !== "Z") return false;
    if (!repeat) this.cycle();
    return true;
  }
}

/** Where the lens begins, as a part of the `room` that it may move in: whole image pixels, or all of it. */
function begin(part, room) {
  const whole = Math.round(part * room);
  return whole > room - 0.5 ? room : whole;
}
