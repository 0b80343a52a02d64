// The JSON door: the open trial in, votes out. The server owns the order; this side only makes sure that a vote, once
// pressed, arrives: it is kept in storage until the server has it, votes travel one at a time in the order of the
// presses, and after any failure and any reload they are sent again. Sending twice is safe: the server keeps the first
// vote of a key.

import { Kept } from "./kept.js";
import { say } from "./words.js";

const WAITS = [500, 1000, 2000, 4000, 8000, 15000]; // ms before the second, third, ... attempt
const PATIENCE = 20000; // ms until a silent connection counts as broken
const TRIES = 3; // how often one vote may be refused, or break the server, before the study goes on without it

export class Door {
  /** `address` is the study's (/s/NAME), `whose` the participant's mark, `token` the CSRF token; `tell` shows words. */
  constructor(address, whose, token, tell) {
    this.address = address;
    this.token = token;
    this.tell = tell;
    this.kept = new Kept(address, whose);
    this.standing = ""; // what is said while nothing worse is to be said
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
    return this.#inLine(async () => (await this.#send(vote)) ?? this.#trial("?again=1"));
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

  /** With `?again=1` the page says that nobody loaded it anew. */
  async #trial(query = "") {
    const { status, body } = await this.#ask(`/trial${query}`);
    return status === 200 ? body : this.leave();
  }

  /** The server's answer; null where it did not take the vote and the page can go on. */
  async #send(vote) {
    const options = {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.token },
      body: JSON.stringify(vote),
    };
    const { status, body } = await this.#ask("/vote", options, TRIES);
    this.standing = status === 500 ? say("not_saved") : "";
    this.tell(this.standing);
    // Closed, withdrawn and expired (410) stay so: nobody will ever take this vote.
    if (status === 200 || status === 410 || body.error?.code === "already_cast") this.kept.drop(vote);
    if (status === 200) return body;
    // Another trial is open: this one may come, or it was passed in another tab and never will.
    if (status === 409 && this.kept.tries(vote) >= TRIES) this.kept.drop(vote);
    // Not this participant's trial (404): somebody else came by another tab. It is kept until its own one is back.
    // One at which the server breaks (500) is kept as well; the participant is told, and goes on where the server stands.
    if (status === 404 || status === 409 || status === 500) return null;
    // A stale token, no session, paused, or gone: the study's address says what is what, and a vote that is still kept
    // is sent again from there; but one that is refused again and again must not hold up the study.
    return this.kept.tries(vote) < TRIES ? this.leave() : null;
  }

  /** Asks until something answers that is not a failure on the way; what breaks the server, so many times at most. */
  async #ask(path, options = {}, most = Infinity) {
    let broken = 0;
    for (let attempt = 0; ; attempt += 1) {
      const { status, body, after, broke } = await attemptOnce(this.address + path, options);
      if (status !== 0) {
        this.tell(this.standing);
        return { status, body };
      }
      broken += broke ? 1 : 0;
      if (broken >= most) return { status: 500, body: {} };
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
      const after = Number.isFinite(seconds) ? Math.min(1000 * seconds, 60000) : undefined;
      return { status: 0, after, broke: response.status === 500 };
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
