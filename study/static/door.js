// The JSON door: the open trial in, votes out. The server owns the order; this side only makes sure that a vote, once
// pressed, arrives: it is kept in storage until the server has it, votes travel one at a time in the order of the
// presses, and after any failure and any reload they are sent again. Sending twice is safe: the server keeps the first
// vote of a key.

import { Kept } from "./kept.js";
import { say } from "./words.js";

const WAITS = [500, 1000, 2000, 4000, 8000, 15000]; // ms before the second, third, ... attempt
const PATIENCE = 20000; // ms until a silent connection counts as broken
const TRIES = 3; // how often one vote may be refused before the study goes on without it

export class Door {
  /** `address` is the study's (/s/NAME), `token` the CSRF token, `tell` shows a few words to the participant. */
  constructor(address, token, tell) {
    this.address = address;
    this.token = token;
    this.tell = tell;
    this.kept = new Kept(address);
    this.queue = Promise.resolve(); // the last request in line
  }

  /** The open trial and the next one; votes that an earlier page could not deliver go first. */
  open() {
    return this.#inLine(async () => {
      for (const vote of this.kept.all()) await this.#send(vote);
      return this.#trial();
    });
  }

  /** Keeps a vote, sends it in its turn, and resolves with what the server says is open after it. */
  vote(vote) {
    this.kept.put(vote);
    return this.#inLine(async () => (await this.#send(vote)) ?? this.#trial());
  }

  /** The last vote's trial, open to one correction, once every vote before has arrived; null where there is none. */
  last() {
    return this.#inLine(async () => {
      const { status, body } = await this.#ask("/last");
      if (status === 200) return body;
      return status === 409 ? null : this.leave();
    });
  }

  /** Goes to the study's address, which shows the step that is open; never resolves, since this page ends here. */
  leave() {
    location.replace(this.address);
    return new Promise(() => {});
  }

  #inLine(request) {
    this.queue = this.queue.then(request);
    return this.queue;
  }

  async #trial() {
    const { status, body } = await this.#ask("/trial");
    return status === 200 ? body : this.leave();
  }

  /** The server's answer; null where it did not take the vote and the page can go on. */
  async #send(vote) {
    const { status, body } = await this.#ask("/vote", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.token },
      body: JSON.stringify(vote),
    });
    if (status === 200 || status === 410 || body.error?.code === "already_cast") this.kept.drop(vote);
    if (status === 200) return body;
    // Another trial is open: this one may come, or it was passed in another tab and never will.
    if (status === 409 && this.kept.tries(vote) >= TRIES) this.kept.drop(vote);
    // Not this participant's trial (404): the vote of somebody who used this browser before, kept until they are back.
    if (status === 404 || status === 409) return null;
    // A stale token, no session, paused or closed: the study's address says what is what, and the vote is sent again
    // from there; but one that is refused again and again must not hold up the study.
    return this.kept.tries(vote) < TRIES ? this.leave() : null;
  }

  /** Asks until something answers that is not a failure on the way. */
  async #ask(path, options = {}) {
    for (let attempt = 0; ; attempt += 1) {
      const { status, body, after } = await attemptOnce(this.address + path, options);
      if (status !== 0) {
        this.tell("");
        return { status, body };
      }
      this.tell(say(navigator.onLine ? "no_answer" : "offline"));
      await pause(after ?? WAITS[Math.min(attempt, WAITS.length - 1)]);
    }
  }
}

/** One request. Status 0 is everything that is worth another attempt: no network, a time-out, a busy or broken server. */
async function attemptOnce(url, options) {
  try {
    const response = await fetch(url, { ...options, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 429 || response.status >= 500) {
      const seconds = Number.parseFloat(response.headers.get("Retry-After"));
      return { status: 0, after: Number.isFinite(seconds) ? Math.min(1000 * seconds, 60000) : undefined };
    }
    return { status: response.status, body: await response.json() };
  } catch {
    return { status: 0 };
  }
}

/** Waits, but not beyond the moment at which the browser is online again. */
function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
  });
}
