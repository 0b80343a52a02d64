// One listener for all keys. Whoever is asked first and takes a key keeps it from the others, and from the browser.

const PRESSES = [" ", "Enter"];

/**
 * `handlers` are asked in order; each answers whether the key was for it. `counts(event)` says whether any is asked at all.
 * Space and Enter on a focused button press that button, whatever else they do elsewhere.
 */
export function listen(handlers, counts) {
  const taken = new Set();
  addEventListener("keydown", (event) => {
    // A held Enter would click a focused button again and again.
    if (event.repeat && event.key === "Enter") event.preventDefault();
    if (event.ctrlKey || event.altKey || event.metaKey) return; // the browser's own shortcuts
    if (PRESSES.includes(event.key) && event.target.closest?.("button, a, summary")) return;
    if (!counts(event)) return;
    if (!handlers.some((handler) => handler(event))) return;
    event.preventDefault();
    taken.add(event.code);
  });
  // A focused button is pressed by the release of space.
  addEventListener("keyup", (event) => taken.delete(event.code) && event.preventDefault());
}
