// The words of the scripts in the page's language: the server puts them into the page, as JSON in `data-words`.

const words = JSON.parse(document.querySelector("[data-words]").dataset.words);

/** The words of a key, with {name} filled in from `values`. */
export function say(key, values = {}) {
  return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** "5 minutes" in the page's language, rounded up; in the digits that the rest of the page is written in. */
export function minutes(seconds) {
  const whole = Math.max(1, Math.ceil(seconds / 60));
  const language = `${document.documentElement.lang}-u-nu-latn`;
  return new Intl.NumberFormat(language, { style: "unit", unit: "minute", unitDisplay: "long" }).format(whole);
}

/** "A and B" in the page's language; empty words are left out. */
export function list(parts) {
  return new Intl.ListFormat(document.documentElement.lang, { type: "conjunction" }).format(parts.filter(Boolean));
}
