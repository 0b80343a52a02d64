// A press, by mouse, touch or key. One press is one answer: auto-repeat, the second half of a double click and a key
// still held from the trial before are none.

const CHOICES = { ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right", ArrowDown: "not_sure", 0: "not_sure" };
const DOUBLE_CLICK = 400; // ms in which a second click belongs to the first
const TAP = 250; // ms under which a press on "original" latches it

export class Answers {
  /**
   * `buttons` are the choices, `original` the button for the reference on demand or null; `refused` is told why a press
   * does not count.
   */
  constructor(buttons, original, refused) {
    this.buttons = new Map(buttons.map((button) => [button.dataset.choice, button]));
    this.refused = refused;
    this.held = new Set();
    this.waiting = null;
    addEventListener("keydown", (event) => this.#keydown(event));
    // A Mac tells of no release while Cmd is held, so that of Cmd stands for all.
    addEventListener("keyup", ({ key, code }) => (key === "Meta" ? this.held.clear() : this.held.delete(code)));
    addEventListener("blur", () => this.held.clear());
    for (const button of buttons) {
      button.addEventListener("click", (event) => this.#click(event, button.dataset.choice));
    }
    this.peek = original && new Peek(original);
  }

  /**
   * The next accepted choice and the time of its press: {choice, at}. `barrier` gives the reason why none is accepted at
   * this moment, or "".
   */
  next(barrier) {
    const began = performance.now();
    return new Promise((resolve) => {
      this.waiting = { barrier, resolve, began };
    });
  }

  /** Shows by their look whether the buttons count now. */
  lock(locked) {
    for (const button of this.buttons.values()) button.setAttribute("aria-disabled", String(locked));
  }

  #keydown(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    // A held Enter would click a focused button again and again.
    if (event.repeat && event.key === "Enter") event.preventDefault();
    const choice = CHOICES[event.key];
    if (!this.buttons.has(choice)) return;
    event.preventDefault();
    if (event.repeat) return;
    // A first press of a key that is held already: the browser missed its release.
    const others = this.held.size > Number(this.held.has(event.code));
    this.held.add(event.code);
    if (others) this.refused("Let go of the other key first.");
    else this.#answer(choice, event.timeStamp);
  }

  #click(event, choice) {
    const since = performance.now() - (this.waiting?.began ?? 0);
    if (event.detail > 1 && since < DOUBLE_CLICK) return;
    this.#answer(choice, event.timeStamp);
  }

  #answer(choice, at) {
    if (!this.waiting) return;
    const reason = this.waiting.barrier();
    if (reason) return void this.refused(reason);
    const { resolve } = this.waiting;
    this.waiting = null;
    resolve({ choice, at });
  }
}

/** The reference on demand: in view while R, space or the button is held; a short tap latches it until the next one. */
class Peek {
  constructor(button) {
    this.button = button;
    this.shown = false;
    this.changed = () => {};
    const keys = new Set(["r", "R", " "]);
    addEventListener("keydown", (event) => this.#key(event, keys, () => this.#press()));
    addEventListener("keyup", (event) => this.#key(event, keys, () => this.#release()));
    button.addEventListener("pointerdown", () => this.#press());
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      button.addEventListener(end, () => this.#release());
    }
    // A click without a pointer is Enter on the focused button.
    button.addEventListener("click", (event) => event.detail === 0 && this.#set(!this.shown));
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch is a hold
    addEventListener("blur", () => this.#set(false));
  }

  /** A trial begins with the reference hidden; `changed(shown)` is told of every change, nobody where it is left out. */
  begin(changed = () => {}) {
    this.changed = () => {};
    this.#set(false);
    this.pressedAt = null;
    this.changed = changed;
  }

  #key(event, keys, act) {
    if (!keys.has(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault(); // space must not press a focused button
    if (!event.repeat) act();
  }

  #press() {
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
    if (shown === this.shown) return;
    this.shown = shown;
    this.button.setAttribute("aria-pressed", String(shown));
    this.changed(shown);
  }
}
