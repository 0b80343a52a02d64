// Images by content: fetched whole, hashed where the browser allows it, and decoded before anything is shown.

import { say } from "./words.js";

const WAITS = [500, 1000, 2000, 4000, 8000];
const PATIENCE = 20000; // ms until an image that stopped on its way is asked for again
const QUIET = 1500; // ms in which waiting needs no word

export class Images {
  /** `tell` shows a few words to the participant while an image that is waited for does not come. */
  constructor(tell) {
    this.tell = tell;
    this.ready = new Map(); // sha256 -> promise of {bitmap, verified}
  }

  /** The decoded images of a trial, {left, right, reference}; `reference` may be null. */
  async of(trial) {
    const wanted = [trial.left, trial.right, trial.reference].map((image) => image && this.#get(image));
    const slow = setTimeout(() => this.tell(say("no_image")), QUIET);
    const [left, right, reference] = await Promise.all(wanted);
    clearTimeout(slow);
    this.tell("");
    return { left, right, reference };
  }

  /** Begins to load what these trials show, for `of` to find it there; other images are let go. */
  ahead(trials) {
    const wanted = trials.flatMap(parts);
    this.#keepOnly(wanted);
    for (const image of wanted) this.#get(image);
  }

  #get(image) {
    if (!this.ready.has(image.sha256)) this.ready.set(image.sha256, load(image));
    return this.ready.get(image.sha256);
  }

  #keepOnly(images) {
    const wanted = new Set(images.map((image) => image.sha256));
    for (const [sha256, promise] of this.ready) {
      if (wanted.has(sha256)) continue;
      this.ready.delete(sha256);
      promise.then(({ bitmap }) => bitmap.close());
    }
  }
}

/** true where every shown image had the planned bytes, false where one had not, null where the page could not tell. */
export function bytesVerified(images) {
  const verdicts = images.filter(Boolean).map((image) => image.verified);
  return verdicts.includes(null) ? null : verdicts.every(Boolean);
}

function parts(trial) {
  return [trial.left, trial.right, trial.reference].filter(Boolean);
}

async function load(image) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      // Content never changes under its address: the browser's copy serves, unless it could not be used before.
      const picture = await fetchOnce(image, attempt === 0 ? "default" : "reload");
      if (picture.verified === false && attempt === 0) continue;
      return picture;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, WAITS[Math.min(attempt, WAITS.length - 1)]));
    }
  }
}

async function fetchOnce(image, cache) {
  const response = await fetch(image.url, { cache, signal: AbortSignal.timeout(PATIENCE) });
  if (!response.ok) throw new Error(`${image.url}: ${response.status}`);
  const bytes = await response.arrayBuffer();
  const verified = await hasHash(bytes, image.sha256);
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }), { colorSpaceConversion: "none" });
  const asPlanned = bitmap.width === image.width && bitmap.height === image.height;
  if (!asPlanned) throw new Error(`${image.url}: another size than planned`);
  return { bitmap, verified };
}

/** null where the page has no secure context, and so no digest. */
async function hasHash(bytes, sha256) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
