// The region that decided, if the participant marks one: two corners, by dragging, two taps, or a cross that the arrow
// keys move. All in pixels of the image; clipped to the crop.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Region {
  /** `changed` is called when something else is to be drawn. */
  constructor(changed) {
    this.changed = changed;
    this.begin(null);
  }

  /**
   * A trial begins with the `rectangle` that was marked in it before, or without; `crop` {x, y, width, height} is where one
   * may be, null where none may.
   */
  begin(crop, rectangle = null) {
    this.crop = crop;
    this.marking = false;
    this.first = null; // the corner that was set
    this.rectangle = rectangle;
    this.cross = crop && { x: crop.x + (crop.width >> 1), y: crop.y + (crop.height >> 1) };
  }

  /** Begins to mark, or leaves off; half a region is none. */
  toggle() {
    if (!this.crop) return;
    if (this.first) this.rectangle = null;
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

  /** What is drawn into every image: nothing once the region is marked, since the lines cover pixels around it. */
  get frames() {
    if (!this.marking) return [];
    return [this.rectangle ?? { ...this.cross, width: 1, height: 1 }];
  }

  /** The region, once it is marked; null before. */
  get marked() {
    return this.first ? null : this.rectangle;
  }

  get isMarked() {
    return this.marked !== null;
  }

  /** The vote's columns, in pixels of the crop; nothing where none is marked. */
  report() {
    if (!this.isMarked) return {};
    const { x, y, width, height } = this.marked;
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
