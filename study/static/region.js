// The region that decided, if the participant marks one: two corners, by dragging, two taps, or a cross that the arrow
// keys move. All in pixels of the image; clipped to the crop.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Region {
  /** `changed` is called when something else is to be drawn. */
  constructor(changed) {
    this.changed = changed;
    this.begin(null);
  }

  /** A trial begins without a region; `crop` {x, y, width, height} is where one may be, null where none may. */
  begin(crop) {
    this.crop = crop;
    this.marking = false;
    this.first = null; // the corner that was set
    this.rectangle = null;
    this.cross = crop && { x: crop.x + (crop.width >> 1), y: crop.y + (crop.height >> 1) };
  }

  /** Begins to mark, or leaves off. */
  toggle() {
    if (!this.crop) return;
    this.marking = !this.marking;
    this.first = null;
    this.changed();
  }

  /** A pointer goes down on a pixel, moves to one, and is let go at one. */
  press(pixel) {
    if (!this.marking) return;
    this.cross = this.#within(pixel);
    this.tapped = this.first !== null;
    this.first ??= this.cross;
    this.#span();
  }

  drag(pixel) {
    if (!this.marking) return; // left off, or answered, in the middle of a drag
    this.cross = this.#within(pixel);
    this.#span();
  }

  release() {
    if (!this.marking) return;
    const { x, y } = this.first;
    const still = this.cross.x === x && this.cross.y === y;
    if (!still || this.tapped) this.#finish();
  }

  /** Takes the region away. */
  clear() {
    this.begin(this.crop);
    this.changed();
  }

  keydown({ key, shiftKey, repeat }) {
    if (!this.crop) return false;
    if ((key === "m" || key === "M") && !repeat) return this.toggle(), true;
    if (key === "Escape" && (this.marking || this.rectangle)) return this.clear(), true;
    if (!this.marking) return false;
    if (key === "Enter" && !repeat) return this.#corner(), true;
    if (!(key in ARROWS)) return false;
    const [right, down] = ARROWS[key].map((step) => step * (shiftKey ? 10 : 1));
    this.drag({ x: this.cross.x + right, y: this.cross.y + down });
    return true;
  }

  /** What is drawn into every image. */
  get frames() {
    const pixel = this.marking ? [{ ...this.cross, width: 1, height: 1 }] : [];
    return this.rectangle ? [this.rectangle] : pixel;
  }

  /** The vote's columns, in pixels of the crop; nothing where none is marked. */
  report() {
    if (!this.rectangle || this.first) return {};
    const { x, y, width, height } = this.rectangle;
    return { region_x: x - this.crop.x, region_y: y - this.crop.y, region_width: width, region_height: height };
  }

  #corner() {
    if (this.first) return this.#finish();
    this.first = this.cross;
    return this.#span();
  }

  #finish() {
    this.first = null;
    this.marking = false;
    this.changed();
  }

  #span() {
    const { first, cross } = this;
    this.rectangle = first && {
      x: Math.min(first.x, cross.x),
      y: Math.min(first.y, cross.y),
      width: Math.abs(first.x - cross.x) + 1,
      height: Math.abs(first.y - cross.y) + 1,
    };
    this.changed();
  }

  #within({ x, y }) {
    const { crop } = this;
    return {
      x: Math.min(crop.x + crop.width - 1, Math.max(crop.x, Math.floor(x))),
      y: Math.min(crop.y + crop.height - 1, Math.max(crop.y, Math.floor(y))),
    };
  }
}
