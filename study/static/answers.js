// A press, by mouse, touch or key. One press is one answer: auto-repeat, the second half of a double click and a key
// still held from the trial before are none.

import { say } from "./words.js";

const NUMBERS = { 1: "left", 2: "right", 0: "not_sure" };
const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "not_sure" };
const DOUBLE_CLICK = 400; // ms in which a second click belongs to the first

export class Answers {
  /** `buttons` are the choices; `refused` is told why a press does not count. */
  constructor(buttons, refused) {
    this.buttons = new Map(buttons.map((button) => [button.dataset.choice, button]));
    this.refused = refused;
    this.held = new Set();
    this.waiting = null;
    // A Mac tells of no release while Cmd is held, so that of Cmd stands for all.
    addEventListener("keyup", ({ key, code }) => (key === "Meta" ? this.held.clear() : this.held.delete(code)));
    addEventListener("blur", () => this.held.clear());
    for (const button of buttons) {
      button.addEventListener("click", (event) => this.#click(event, button.dataset.choice));
    }
  }

  /**
   * The next accepted choice and the time of its press, {choice, at}; null where `cancel` came first. `barrier` gives the
   * reason why none is accepted at this moment, or "". `arrows`: whether the arrow keys choose.
   */
  next(barrier, { arrows }) {
    const began = performance.now();
    this.keys = arrows ? { ...NUMBERS, ...ARROWS } : NUMBERS;
    return new Promise((resolve) => {
      this.waiting = { barrier, resolve, began };
    });
  }

  /** Ends the wait for a choice, if there is one. */
  cancel() {
    this.#resolve(null);
  }

  /** Shows by their look whether the buttons count now. */
  lock(locked) {
    for (const button of this.buttons.values()) button.setAttribute("aria-disabled", String(locked));
  }

  keydown({ key, code, repeat, timeStamp }) {
    const choice = this.keys?.[key];
    if (!this.buttons.has(choice)) return false;
    if (repeat) return true;
    // A first press of a key that is held already: the browser missed its release.
    const others = this.held.size > Number(this.held.has(code));
    this.held.add(code);
    if (others) this.refused(say("let_go"));
    else this.#answer(choice, timeStamp);
    return true;
  }

  #click(event, choice) {
    const since = performance.now() - (this.waiting?.began ?? 0);
    if (event.detail > 1 && since < DOUBLE_CLICK) return;
    this.#answer(choice, event.timeStamp);
  }

  #answer(choice, at) {
    if (!this.waiting) return;
    const reason = this.waiting.barrier();
    if (reason) this.refused(reason);
    else this.#resolve({ choice, at });
  }

  #resolve(answer) {
    const { resolve } = this.waiting ?? {};
    this.waiting = null;
    resolve?.(answer);
  }
}
