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

  /** A trial begins without magnification; `on`: whether it is allowed. */
  begin(on) {
    this.on = on;
    this.zoom = 1;
    this.used = false;
    this.centre = { x: 0.5, y: 0.5 }; // as parts of the image
  }

  /** The part of an image in view: whole image pixels. */
  lens({ width, height }) {
    const [wide, high] = [Math.floor(width / this.zoom), Math.floor(height / this.zoom)];
    const x = Math.round(this.centre.x * (width - wide));
    const y = Math.round(this.centre.y * (height - high));
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
