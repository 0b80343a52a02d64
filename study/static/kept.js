// Votes that the server has not acknowledged yet, in the browser's storage: they outlive a reload and a closed tab.

const ROOM = 50; // votes kept for one participant of a study; beyond that the oldest go

/**
 * One entry {at, tries, vote} a vote, named by its key. Without a storage they last as long as the page; one that finds
 * no room is sent all the same, only not again after a reload.
 */
export class Kept {
  /** `whose` tells apart the people who share a browser: a vote waits until the one who cast it is back. */
  constructor(address, whose) {
    this.prefix = `vote:${address}:${whose}:`;
    this.store = storage();
  }

  put(vote) {
    const latest = this.#entries().at(-1)?.at ?? 0;
    this.#write({ at: Math.max(Date.now(), latest + 1), tries: 0, vote }); // in order even where the clock is set back
    for (const { vote: old } of this.#entries().slice(0, -ROOM)) this.drop(old);
  }

  drop(vote) {
    this.store.removeItem(this.prefix + vote.key);
  }

  /** The oldest first. */
  all() {
    return this.#entries().map(({ vote }) => vote);
  }

  /** Forgets every vote of this participant. */
  clear() {
    for (const vote of this.all()) this.drop(vote);
  }

  /** Counts one more page load that this vote cost. */
  tries(vote) {
    const entry = this.#entries().find(({ vote: { key } }) => key === vote.key);
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
      this.store.setItem(this.prefix + entry.vote.key, JSON.stringify(entry));
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
