// The JSON door: the open trial in, a vote out. The server owns the order; this side only makes sure that a vote, once
// pressed, arrives: it stays in the browser's storage until the server has it, is sent again after any failure, and again
// after a reload. Sending twice is safe: every trial has one key, and the server keeps the first vote of a key.

const WAITS = [500, 1000, 2000, 4000, 8000, 15000]; // ms before the second, third, ... attempt
const PATIENCE = 20000; // ms until a silent connection counts as broken
const TRIES = 3; // page loads that one refused vote may cost
const ROOM = 50; // votes kept for one study; beyond that the oldest go

export class Door {
  /** `address` is the study's (/s/NAME), `token` the CSRF token, `say` shows a few words to the participant. */
  constructor(address, token, say) {
    this.address = address;
    this.token = token;
    this.say = say;
    this.kept = new Kept(`vote:${address}:`);
  }

  /** The open trial and the next one; a vote that an earlier page could not deliver goes first. */
  async open() {
    for (const vote of this.kept.all()) await this.#send(vote);
    const { status, body } = await this.#ask("/trial");
    return status === 200 ? body : this.#leave();
  }

  /** Saves a vote and answers what is open now. Resolves only when the server has spoken. */
  async vote(vote) {
    this.kept.put(vote);
    return (await this.#send(vote)) ?? this.open();
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
    // Not this participant's trial (404): the vote of somebody who used this browser before, kept until they are back.
    if (status === 404 || status === 409) return null;
    // A stale token, no session, paused or closed: the study's address says what is what, and the vote is sent again
    // from there; but one that is refused again and again must not hold up the study.
    return this.kept.tries(vote) < TRIES ? this.#leave() : null;
  }

  /** Asks until something answers that is not a failure on the way. */
  async #ask(path, options = {}) {
    for (let attempt = 0; ; attempt += 1) {
      const { status, body, after } = await attemptOnce(this.address + path, options);
      if (status !== 0) {
        this.say("");
        return { status, body };
      }
      const trouble = navigator.onLine ? "No answer from the server. Trying again" : "Offline. This page goes on by itself";
      this.say(`${trouble}; nothing is lost.`);
      await pause(after ?? WAITS[Math.min(attempt, WAITS.length - 1)]);
    }
  }

  /** Goes to the study's address, which shows the step that is open; never resolves, since this page ends here. */
  #leave() {
    location.replace(this.address);
    return new Promise(() => {});
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

/**
 * Votes not yet acknowledged, in the browser's storage: one entry {at, tries, vote} a trial. Without a storage they last
 * as long as the page; one that finds no room is sent all the same, only not again after a reload.
 */
class Kept {
  constructor(prefix) {
    this.prefix = prefix;
    this.store = storage();
  }

  put(vote) {
    this.#write({ at: Date.now(), tries: 0, vote });
    for (const { vote: old } of this.#entries().slice(0, -ROOM)) this.drop(old);
  }

  drop(vote) {
    this.store.removeItem(this.prefix + vote.trial);
  }

  /** The oldest first. */
  all() {
    return this.#entries().map(({ vote }) => vote);
  }

  /** Counts one more page load that this vote cost. */
  tries(vote) {
    const entry = this.#entries().find(({ vote: { trial } }) => trial === vote.trial);
    if (!entry) return 0;
    entry.tries += 1;
    this.#write(entry);
    return entry.tries;
  }

  #entries() {
    const keys = Array.from({ length: this.store.length }, (_, index) => this.store.key(index));
    const mine = keys.filter((key) => key.startsWith(this.prefix));
    return mine.map((key) => JSON.parse(this.store.getItem(key))).sort((a, b) => a.at - b.at);
  }

  #write(entry) {
    try {
      this.store.setItem(this.prefix + entry.vote.trial, JSON.stringify(entry));
    } catch {
      // The storage is full.
    }
  }
}

function storage() {
  try {
    localStorage.setItem("probe", "1");
    localStorage.removeItem("probe");
    return localStorage;
  } catch {
    const kept = new Map();
    return {
      get length() {
        return kept.size;
      },
      key: (index) => [...kept.keys()][index],
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}
