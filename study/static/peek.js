// The original on demand: in view while R, the arrow up, space or its button is held; a short tap latches it until the
// next one.

const TAP = 250; // ms under which a press latches

export class Peek {
  /** `changed(shown)` is told of every change while a trial is on. */
  constructor(button, changed) {
    this.button = button;
    this.changed = changed;
    this.on = false;
    this.shown = false;
    button.addEventListener("pointerdown", () => this.#press());
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      button.addEventListener(end, () => this.#release());
    }
    // A click without a pointer is Enter on the focused button.
    button.addEventListener("click", (event) => event.detail === 0 && this.#set(!this.shown));
    button.addEventListener("contextmenu", (event) => this.on && event.preventDefault()); // a long touch is a hold
    addEventListener("blur", () => this.#set(false));
    addEventListener("keyup", ({ key }) => this.keys?.includes(key) && this.#release());
  }

  /** A trial begins with the original hidden; `keys` bring it into view. */
  begin(keys) {
    this.on = true;
    this.keys = keys;
  }

  /** Hides it, and counts no press until the next trial begins. */
  end() {
    this.#set(false);
    this.on = false;
    this.pressedAt = null;
  }

  keydown({ key, repeat }) {
    if (!this.on || !this.keys.includes(key)) return false;
    if (!repeat) this.#press();
    return true;
  }

  #press() {
    if (!this.on) return;
    this.pressedAt = performance.now();
    this.latched = this.shown;
    this.#set(true);
  }

  #release() {
    if (this.pressedAt == null) return;
    const tap = performance.now() - this.pressedAt < TAP;
    this.pressedAt = null;
    this.#set(tap && !this.latched);
  }

  #set(shown) {
    if (!this.on || shown === this.shown) return;
    this.shown = shown;
    this.button.setAttribute("aria-pressed", String(shown));
    this.changed(shown);
  }
}
